"use strict";
(() => {
  const NEAR = 28; // pixels from the pointer to a point that still answers
  const points = JSON.parse(document.getElementById("points").textContent);
  document.documentElement.classList.add("js");

  // Tables: a press on a heading sorts, the next one turns the order, the third brings the first order back.
  for (const table of document.querySelectorAll("table")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    if (original.length < 2) continue;
    [...table.tHead.rows[0].cells].forEach((heading, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = heading.textContent || "name";
      heading.replaceChildren(button);
      button.addEventListener("click", () => {
        const before = heading.getAttribute("aria-sort");
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        if (before === "descending") return body.append(...original);
        const order = before === "ascending" ? "descending" : "ascending";
        heading.setAttribute("aria-sort", order);
        body.append(...sorted(original, column, order === "ascending" ? 1 : -1));
      });
    });
  }

  function sorted(rows, column, sign) {
    const known = (row) => row.cells[column].dataset.value;
    const numbers = rows.some((row) => known(row) !== undefined);
    const value = (row) => (numbers ? Number(known(row) ?? NaN) : row.cells[column].textContent);
    return [...rows].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      if (!numbers) return sign * x.localeCompare(y, "en", { numeric: true });
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y); // what has none is last
      return sign * (x - y);
    });
  }

  // The legend: a press hides a series in all pictures, or shows it again.
  const keys = [...document.querySelectorAll(".legend button")];
  function show(series, on) {
    for (const key of keys.filter((one) => one.dataset.key === series)) key.setAttribute("aria-pressed", on);
    for (const drawn of document.querySelectorAll(`[data-series="${series}"]`)) drawn.classList.toggle("off", !on);
  }
  for (const key of keys) {
    key.addEventListener("click", () => show(key.dataset.key, key.getAttribute("aria-pressed") !== "true"));
  }
  for (const button of document.querySelectorAll("[data-show]")) {
    button.addEventListener("click", () => keys.forEach((key) => show(key.dataset.key, button.dataset.show === "all")));
  }

  // Pictures: the point nearest to the pointer says its numbers.
  for (const picture of document.querySelectorAll(".picture")) {
    const tip = picture.querySelector(".tip");
    const lines = points[picture.dataset.points];
    function nearest(x, y) {
      let best = { distance: NEAR };
      for (const line of lines) {
        const drawn = picture.querySelector(`.line[data-panel="${line.panel}"][data-series="${line.series}"]`);
        if (!drawn || drawn.classList.contains("off")) continue;
        drawn.querySelectorAll("use").forEach((mark, place) => {
          const box = mark.getBoundingClientRect();
          const [cx, cy] = [box.x + box.width / 2, box.y + box.height / 2];
          const distance = Math.hypot(cx - x, cy - y);
          if (distance < best.distance) best = { distance, cx, cy, label: line.label, text: line.points[place] };
        });
      }
      return best.text === undefined ? null : best;
    }
    const hide = () => { tip.hidden = true; };
    const answer = (event) => {
      const found = nearest(event.clientX, event.clientY);
      if (!found) return hide();
      const name = document.createElement("strong");
      name.textContent = found.label;
      tip.replaceChildren(name, document.createElement("br"), found.text);
      tip.hidden = false;
      const frame = picture.getBoundingClientRect();
      const left = Math.min(found.cx - frame.x + 12, frame.width - tip.offsetWidth - 2);
      const above = found.cy - frame.y - tip.offsetHeight - 10;
      tip.style.left = `${Math.max(0, left)}px`;
      tip.style.top = `${above > 0 ? above : found.cy - frame.y + 14}px`;
    };
    picture.addEventListener("pointermove", answer);
    picture.addEventListener("pointerdown", answer); // a finger does not move before it touches
    picture.addEventListener("pointerleave", hide);
  }

  // Copying: the text is selected, so that it can be copied by hand where a browser forbids it.
  for (const button of document.querySelectorAll(".copy")) {
    button.addEventListener("click", async () => {
      const source = document.getElementById(button.dataset.from);
      getSelection().selectAllChildren(source);
      try {
        await navigator.clipboard.writeText(source.innerText);
        button.textContent = "copied";
      } catch {
        button.textContent = "selected: press Ctrl+C";
      }
    });
  }
})();
