// Optional conveniences; all pages work without this script. Keys: j and k move in a list,
// n and p open the next and the previous change or version, / focuses the search box. A
// page with data-live reloads its content, unless the reader is using it.
"use strict";
const rows = () => [...document.querySelectorAll("main .list a.row")];
const typing = (e) => e.target.closest("input, select, textarea, [contenteditable]");

function step(by) {
	const all = rows();
	if (!all.length) return;
	const at = all.indexOf(document.activeElement);
	const next = all[Math.min(all.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : all.length - 1) : at + by))];
	next.focus();
	next.scrollIntoView({ block: "nearest" });
}

document.addEventListener("keydown", (e) => {
	if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
	if (typing(e)) {
		if (e.key === "Escape") e.target.blur();
		return;
	}
	switch (e.key) {
		case "j": step(1); break;
		case "k": step(-1); break;
		case "n": document.querySelector("a[rel=next]")?.click(); break;
		case "p": document.querySelector("a[rel=prev]")?.click(); break;
		case "/": document.getElementById("q")?.focus(); break;
		default: return;
	}
	e.preventDefault();
});

// poll fetches the page and replaces its main element if it changed.
async function poll() {
	const main = document.querySelector("main[data-live]");
	if (!main || document.visibilityState !== "visible" || main.contains(document.activeElement)) return;
	if (!document.getSelection().isCollapsed || main.querySelector("details[open]")) return;
	const response = await fetch(location.href).catch(() => null);
	if (!response?.ok) return;
	const now = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("main");
	if (now && now.innerHTML !== main.innerHTML) main.replaceWith(document.adoptNode(now));
}
if (document.querySelector("main[data-live]")) setInterval(poll, 5000);

// Ranges of lines, as #L3-L9: click on a line number, then click on another with Shift.
// Links to a part of a content mark all its lines.
const named = () => /^#L(\d+)(?:-L(\d+))?$/.exec(location.hash)?.slice(1).map(Number);

function mark() {
	for (const row of document.querySelectorAll(".source .marked")) row.classList.remove("marked");
	const [from, to] = named() ?? [];
	if (!to) return; // the browser marks a single line
	const first = document.getElementById("L" + Math.min(from, to));
	for (let row = first, n = Math.abs(to - from); row && n >= 0; row = row.nextElementSibling, n--) row.classList.add("marked");
	first?.scrollIntoView();
}
addEventListener("hashchange", mark);
mark();

for (const link of document.querySelectorAll("a[data-to]")) {
	if (link.hash !== "#L" + link.dataset.to) link.hash += "-L" + link.dataset.to;
}
document.addEventListener("click", (e) => {
	const number = e.target.closest(".source .no a");
	const [from] = named() ?? [];
	if (!number || !from || !e.shiftKey) return;
	e.preventDefault();
	location.hash = `#L${from}-${number.hash.slice(1)}`;
});
