// What the theme leaves to be done for readers without a mouse, without sight, or with paper.
const all = (selector) => document.querySelectorAll(selector);

// The dialog is named like its field, and what opens the menu like the menu; the theme listens for
// the Enter key on labels already.
for (const field of all(".md-search__input"))
  field.closest("[role=dialog]")?.setAttribute("aria-label", field.getAttribute("aria-label"));
for (const label of all(".md-header__button[for=__drawer]")) {
  label.tabIndex = 0;
  label.title = document.querySelector(".md-nav--primary").getAttribute("aria-label");
}

// What is wider than the screen scrolls by the arrow keys, once it can be reached.
function reach() {
  for (const box of all(".md-typeset__scrollwrap, .katex-display, .md-typeset pre > code"))
    if (box.scrollWidth <= box.clientWidth) box.removeAttribute("tabindex");
    else if (box.tabIndex) box.tabIndex = 0; // the theme takes it from code where no mouse hovers
  // each copy button sits in a landmark of its own, and none of them has a name
  for (const box of all(".md-code__nav")) box.setAttribute("role", "presentation");
}
new ResizeObserver(reach).observe(document.body);
new MutationObserver(reach).observe(document.querySelector(".md-content"), {
  attributeFilter: ["tabindex"], childList: true, subtree: true,
});

// Paper shows the whole address of a link that leaves the page.
for (const link of all(".md-content a[href]"))
  if (link.pathname !== location.pathname || link.host !== location.host) link.dataset.address = link.href;
