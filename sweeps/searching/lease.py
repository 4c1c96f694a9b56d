"""Which launch runs a search: two that run share the numbers of candidates, and would draw twice as many."""

from __future__ import annotations

from after_ray.errors import AfterRayError
from sweeps.leases.holder import Holder
from sweeps.leases.lease import Lease


class SearchRuns(AfterRayError):
    """A search that another launch runs at this moment."""

    def __init__(self, study: str, holder: Holder) -> None:
        super().__init__(
            f"The search of '{study}' runs already, as process {holder.process} on {holder.host} since "
            f"{holder.since}, and is alive; wait for its end ('after-ray status' with --watch shows it), or "
            "end that process and run the same command again, which goes on from there."
        )


class SearchLease(Lease):
    """The file that says which launch runs a search."""

    what = "the search"

    def refusal(self, there: Holder) -> AfterRayError:
        """That it runs already, and where."""
        return SearchRuns(self._study, there)
