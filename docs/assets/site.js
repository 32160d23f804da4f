// The language menu and the link under a lesson's title lead to the same place on the page.
document.addEventListener("click", (event) => {
  const link = event.target.closest("a[hreflang]");
  if (link) link.hash = location.hash;
});
