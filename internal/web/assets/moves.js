// Comfort, and nothing that reading needs. Keys: j and k go through a list, n and p to
// the next and the previous change or version, / into the search box. And a page of what
// is new shows what comes, unless somebody is at work in it.
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

// look asks for the page again and shows its main part if it changed.
async function look() {
	const main = document.querySelector("main[data-live]");
	if (!main || document.visibilityState !== "visible" || main.contains(document.activeElement)) return;
	if (!document.getSelection().isCollapsed || main.querySelector("details[open]")) return;
	const answer = await fetch(location.href).catch(() => null);
	if (!answer?.ok) return;
	const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
	if (now && now.innerHTML !== main.innerHTML) main.replaceWith(document.adoptNode(now));
}
if (document.querySelector("main[data-live]")) setInterval(look, 5000);
