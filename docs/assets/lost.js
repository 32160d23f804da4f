// On the page for addresses that lead nowhere: search for the words of the address, in the
// language it begins with.
const lost = [...document.querySelectorAll(".lost")];
const roots = lost.map((part) => new URL(part.querySelector("form").action).pathname);
// of the languages whose folder the address is in, the one with the longest name
const lengths = roots.map((root) => (location.pathname.startsWith(root) ? root.length : 0));
const best = lengths.indexOf(Math.max(...lengths));
if (best > 0) lost[0].before(lost[best]);
let address = location.pathname.slice(lengths[best]);
try {
  address = decodeURIComponent(address);
} catch {
  // not UTF-8: its other words will do
}
const words = address.replace(/(index)?\.(html?|md|py|ipynb)$/, "").match(/[\p{L}\p{N}]+/gu) || [];
for (const part of lost) part.querySelector("input").value = words.join(" ");
