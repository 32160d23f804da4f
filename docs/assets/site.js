// The links to the other language lead to the place that is being read: the anchor of the address
// while it is on the screen, or else the section at the top of the screen.
{
  const TOP = 150; // pixels: the header, and a heading that has just come below it
  const box = (element) => element.getBoundingClientRect();
  const place = () => {
    const target = document.querySelector(":target");
    if (target && box(target).bottom > 0 && box(target).top < innerHeight) return location.hash;
    const headings = [...document.querySelectorAll(".md-content :is(h2, h3, h4)[id]")];
    const last = headings.filter((heading) => box(heading).top < TOP).at(-1);
    return last ? `#${last.id}` : location.hash;
  };
  // A press comes before all ways to open a link, in a new tab too; the Enter key is a click only.
  for (const kind of ["pointerdown", "click"])
    document.addEventListener(kind, ({target}) => {
      const link = target.closest("a[hreflang]");
      if (link) link.hash = place();
    });
}

// The theme notes the scheme of the system as if the reader had chosen it. We note what is chosen,
// and follow the system without it; to choose what the system says is to take the choice back.
{
  const system = matchMedia("(prefers-color-scheme: dark)");
  const scheme = () => (system.matches ? "slate" : "default");
  const follow = () => {
    if (!__md_get("chosen") && document.body.dataset.mdColorScheme !== scheme())
      document.querySelector(`.md-option[data-md-color-scheme=${scheme()}]`).click();
  };
  document.addEventListener("change", ({target}) => {
    if (target.matches(".md-option")) __md_set("chosen", target.dataset.mdColorScheme !== scheme());
  });
  system.addEventListener("change", follow);
  follow();
}

// The Escape key closes both menus; that of the languages is open while something in it has the focus.
document.addEventListener("keydown", ({key}) => {
  if (key !== "Escape") return;
  document.querySelector("#__drawer").checked = false;
  document.querySelector(".md-select :focus")?.blur();
});
