"use strict";
(() => {
  // Light or dark: what the reader chooses here holds for this page, as long as it is open.
  const root = document.documentElement;
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const toggle = document.getElementById("scheme");
  const isDark = () => (root.dataset.scheme ? root.dataset.scheme === "dark" : prefersDark.matches);
  const label = () => {
    toggle.textContent = isDark() ? "Light page" : "Dark page";
  };
  toggle.addEventListener("click", () => {
    root.dataset.scheme = isDark() ? "light" : "dark";
    label();
  });
  prefersDark.addEventListener("change", label);
  toggle.hidden = false;
  label();

  // Tables: a button in each heading sorts by that column, up, down, and back to the order of the page.
  const valueOf = (row, column) => {
    const cell = row.cells[column];
    if ("value" in cell.dataset) return Number(cell.dataset.value);
    const text = cell.textContent.trim();
    return text === "" || text === "–" ? null : text;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a === b ? 0 : a < b ? -1 : 1;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b, "en", { numeric: true });
  };
  const NEXT = { none: "ascending", ascending: "descending", descending: "none" };
  for (const table of document.querySelectorAll("table.sortable")) {
    const body = table.tBodies[0];
    const original = [...body.rows];
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const name = heading.textContent.trim();
      if (!name) return;
      const button = document.createElement("button");
      button.type = "button";
      button.append(...heading.childNodes);
      heading.append(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const order = NEXT[heading.getAttribute("aria-sort")];
        for (const each of headings) if (each.hasAttribute("aria-sort")) each.setAttribute("aria-sort", "none");
        heading.setAttribute("aria-sort", order);
        const rows = [...original];
        if (order !== "none") {
          const sign = order === "ascending" ? 1 : -1;
          rows.sort((p, q) => {
            const a = valueOf(p, column);
            const b = valueOf(q, column);
            // What has no value comes last either way.
            if (a === null || b === null) return (a === null) - (b === null);
            return sign * compare(a, b);
          });
        }
        body.append(...rows);
      });
    });
  }
})();
