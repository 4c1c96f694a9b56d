"""The command line. Nothing heavy is imported before a command needs it, so that `--help` answers at once."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from sweeps.commands import (
    annotate,
    calibrate,
    cluster,
    corpora,
    explain,
    export,
    mirror,
    plan,
    predict,
    provenance,
    report,
    run,
    search,
    serve,
    status,
    store,
    ui,
    verify,
)

app = typer.Typer(
    name="after-ray",
    help="Sweeps of active-learning strategies for speech emotion recognition with few labels.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _start() -> None:
    """Sweeps of active-learning strategies for speech emotion recognition with few labels."""
    here = str(Path.cwd())
    if here not in sys.path:  # where users keep strategies of their own; last, so that nothing is shadowed
        sys.path.append(here)


app.command()(plan.plan)
app.command()(run.run)
app.command()(run.retry)
app.command()(search.search)
app.command()(status.status)
app.command()(report.report)
app.command()(explain.explain)
app.command()(predict.predict)
app.command()(serve.serve)
app.command()(calibrate.calibrate)
app.command()(mirror.mirror)
app.command()(provenance.provenance)
app.command()(verify.verify)
app.command()(ui.ui)
app.add_typer(annotate.app, name="annotate")
app.add_typer(export.app, name="export")
app.add_typer(corpora.app, name="corpora")
app.add_typer(store.app, name="store")
app.add_typer(cluster.app, name="cluster")

if __name__ == "__main__":
    app()
