// SPDX-License-Identifier: Apache-2.0
// Follows the state without loading the page again: what a reader has opened stays
// open, and the focus, the selection and the place on the page stay as they are.
"use strict";
(() => {
  const toggled = new Map();
  const focusable = home => home ? [...home.querySelectorAll("a[href], summary")] : [];

  document.addEventListener("click", event => {
    const details = event.target.closest("summary")?.parentElement;
    if (details) toggled.set(details.id, !details.open);
  });

  function keepFocus() {
    const focused = document.activeElement;
    const home = focused && focused !== document.body ? focused.closest("[id]") : null;
    if (!home) return () => {};
    const id = home.id, n = focusable(home).indexOf(focused);
    return () => focusable(document.getElementById(id))[n]?.focus({preventScroll: true});
  }

  function show(next) {
    for (const details of next.querySelectorAll("details"))
      if (toggled.has(details.id)) details.open = toggled.get(details.id);
    const restoreFocus = keepFocus(), icon = "link[rel=icon]";
    document.title = next.title;
    document.querySelector(icon).href = next.querySelector(icon).getAttribute("href");
    document.body.className = "";
    document.body.dataset.follow = next.body.dataset.follow;
    document.body.replaceChildren(...next.body.childNodes);
    restoreFocus();
  }

  async function follow() {
    if (!document.hidden && getSelection().isCollapsed) {
      try {
        const answer = await fetch(location.href, {cache: "no-store"});
        if (!answer.ok) throw new Error(answer.statusText);
        show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        document.body.className = "lost";
      }
    }
    schedule();
  }

  function schedule() {
    const seconds = Number(document.body.dataset.follow);
    if (seconds > 0) setTimeout(follow, seconds * 1000);
  }

  document.addEventListener("DOMContentLoaded", schedule);
})();
