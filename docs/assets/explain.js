// The paste box: finds the page of an error message. The same steps as chainrule.explain, in the
// same order and with the same numbers; a test compares their answers. Nothing leaves the page.
(() => {
  "use strict";
  const GAP = 200, CUT = 20, MESSAGE = 400, GRAM = 5, BEFORE = 20000, AFTER = 3000, ABOVE = 100000;
  const HEAD = 400000, ERRORS = 1000, FOLLOWING = 600, TAIL = 1000000, NEAREST = 3, NEAR = 0.3;
  // Terminal codes, quote marks, boxes, gutters. Every repetition has a limit: no text makes it slow.
  const NOISE = new RegExp(
    "\\x1b\\][^\\x07\\x1b]{0,300}(?:\\x07|\\x1b\\\\)|\\x1b\\[[0-9:;<=>?]{0,30}[ -/]{0,9}[@-~]" +
    "|(?:\\^\\[)?\\[[0-9;]{1,20}m" +
    "|[\\r\\n][ \\t]{0,99}(?:-{1,9}>[ \\t]{0,9}[0-9]{0,6}|(?:[0-9]{1,6}[ \\t]{0,9})?" +
    "[>|\\u2500-\\u257f][ \\t>|\\u2500-\\u257f]{0,99}(?:[0-9]{1,6}[ \\t]{0,9}[|\\u2502])?)", "g");
  const WIDE = {"（": "(", "）": ")", "：": ":", "，": ",", "‘": "'", "’": "'"};

  function squeezed(text) {
    text = `\n${text}`.replace(NOISE, "");
    for (const wide in WIDE) text = text.split(wide).join(WIDE[wide]); // quicker than replaceAll
    // only ASCII is left to become small: other letters would change their number in some languages
    return text.replace(/[^!-[\]-_a-~]+/g, "").toLowerCase();
  }

  // lastIndexOf takes a negative place for 0, where Python finds nothing
  const before = (text, piece, end) => end < piece.length ? -1 : text.lastIndexOf(piece, end - piece.length);

  function excerpt(text) {
    const end = text.length - TAIL, kept = [text.slice(-TAIL)];
    if (end <= HEAD + ERRORS * FOLLOWING) return text;
    for (let at = end; kept.length <= ERRORS && (at = before(text, "error:", at)) >= HEAD;)
      kept.push(text.slice(at, Math.min(at + FOLLOWING, end)));
    return [text.slice(0, HEAD), ...kept.reverse()].join(" ");
  }

  function last(text, parts) {
    const first = parts[0], other = parts[parts.length - 1];
    let at = text.lastIndexOf(other);
    while (parts.length > 1 && at >= 0) {
      const start = before(text, first, at), end = start + first.length;
      if (start < 0 || text.slice(end, end + GAP + other.length).includes(other)) return start;
      at = before(text, other, start);
    }
    return at;
  }

  function cut(text, parts) {
    const tail = text.slice(-MESSAGE).replace(/[-.,:;!?'"()[\]{}<>]+$/, "");
    const end = Math.max(0, text.length - MESSAGE) + tail.length;
    for (const part of parts)
      for (let length = part.length; length >= CUT; length--)
        if (tail.endsWith(part.slice(0, length))) return [end - length, length];
    return [-1, 0];
  }

  function header(text, at) {
    const low = Math.max(0, at - ABOVE), above = text.slice(low, at);
    const places = ["error:", "exception:", "warning:"].map((name) => above.lastIndexOf(name));
    const [error, warning] = [Math.max(places[0], places[1]), places[2]], named = Math.max(error, warning);
    return [Number(error > warning), named < 0 ? -1 : low + named];
  }

  function hits(text, row) {
    const found = [];
    for (const [parts, cause] of row.pieces) {
      let start = last(text, parts), length = parts.join("").length;
      if (start < 0) [start, length] = cut(text, parts);
      if (start >= 0) found.push([...header(text, start), length, start, cause]);
    }
    return found.sort((a, b) => greater(a, b, 5));
  }

  // Compares as Python compares tuples, the greater first.
  function greater(a, b, length) {
    for (let i = 0; i < length; i++) if (a[i] !== b[i]) return b[i] - a[i];
    return 0;
  }

  function order(text, row, found) {
    const best = found[0], near = text.slice(Math.max(0, best[3] - BEFORE), best[3] + best[2] + AFTER);
    const own = new Set(found.filter((hit) => greater(hit, best, 2) === 0).map((hit) => hit[4]));
    const scores = row.hints.map((hints, number) =>
      [Number(own.has(number)), hints.filter((hint) => near.includes(hint)).length, number]);
    return scores.sort((a, b) => greater(a, b, 2)).map((score) => score[2]);
  }

  const grams = (text) =>
    new Set(Array.from(text.slice(GRAM - 1), (_, at) => text.slice(at, at + GRAM)));

  function nearest(text, rows) {
    const named = header(text, text.length)[1], start = named < 0 ? Math.max(0, text.length - MESSAGE) : named;
    const said = grams(text.slice(start, start + MESSAGE));
    const share = (parts) => {
      const piece = [...grams(parts.join(""))];
      return piece.filter((gram) => said.has(gram)).length / Math.max(1, piece.length);
    };
    const ranked = rows.map((row) => [Math.max(...row.pieces.map(([parts]) => share(parts))), row]);
    return ranked.sort((a, b) => b[0] - a[0]).slice(0, NEAREST).filter(([near]) => near >= NEAR);
  }

  function prepared(said) {
    const says = said.says.map((piece) => [piece, -1]);
    said.causes.forEach((cause, number) => says.push(...(cause.says || []).map((piece) => [piece, number])));
    const pieces = says.map(([piece, number]) => [piece.split("…").map(squeezed), number]);
    return {said, pieces, hints: said.causes.map((cause) => cause.hints.map(squeezed))};
  }

  function entry({said}, numbers) {
    const causes = numbers.map((number) => said.causes[number]).map(({at, title, fix}) => ({at, title, fix}));
    return {page: said.page, title: said.title, what: said.what, causes};
  }

  // The table is what src/chainrule_site/catalogue.py writes for one language.
  function explain(text, table) {
    const rows = table.map(prepared);
    text = excerpt(squeezed(text));
    const found = rows.map((row) => [hits(text, row), row]).filter(([hit]) => hit.length);
    found.sort(([a], [b]) => greater(a[0], b[0], 3));
    const near = found.length ? [] : nearest(text, rows);
    return {
      found: found.map(([hit, row]) => entry(row, order(text, row, hit))),
      near: near.map(([, row]) => entry(row, [...row.hints.keys()])),
    };
  }

  // Everything shown becomes a text node: a pasted or written `<` stays a character.
  function make(tag, ...inside) {
    const node = document.createElement(tag);
    node.append(...inside);
    return node;
  }
  const coded = (text) => text.split("`").map((part, i) => (i % 2 ? make("code", part) : part));

  function setUp(box) {
    const {words, entries} = JSON.parse(box.querySelector("#causes").textContent);
    const form = box.querySelector("form"), area = box.querySelector("textarea");
    const result = box.querySelector("[aria-live]"), {explain: root, ending} = box.dataset;

    const link = (text, page, at) =>
      Object.assign(make("a", ...coded(text)), {href: `${root}${page}${ending}${at ? `#${at}` : ""}`});
    const list = (heading, items) =>
      items.length ? [make("p", heading + words.colon), make("ul", ...items)] : [];
    const named = ({title, page}) => make("li", link(title, page));
    function shown({page, title, what, causes: [first, ...others]}) {
      const message = make("p", make("strong", ...coded(title))), facts = make("dl");
      message.lang = "en"; // messages are not translated
      for (const [name, text] of [["what", what], ["cause", first.title], ["fix", first.fix]])
        facts.append(make("dt", words[name]), make("dd", ...coded(text)));
      const causes = others.map(({at, title, fix}) =>
        make("li", link(title, page, at), ...coded(words.colon + fix)));
      const more = make("p", link(words.more, page, first.at));
      return [message, facts, more, ...list(words.causes, causes)];
    }
    function answer() {
      if (!area.value.trim()) return result.replaceChildren();
      const {found: [best, ...others], near} = explain(area.value, entries);
      if (best) return result.replaceChildren(...shown(best), ...list(words.others, others.map(named)));
      return result.replaceChildren(make("p", words.none), ...list(words.near, near.map(named)));
    }
    form.addEventListener("submit", (event) => (event.preventDefault(), answer()));
    area.addEventListener("paste", () => setTimeout(answer)); // the text arrives after the event
    area.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) answer();
    });
    // a browser shows the cursor only, which stands in the first line
    area.addEventListener("focus", () => area.scrollIntoView({block: "nearest"}));
    form.hidden = false; // without this script there is a sentence instead
  }

  globalThis.chainruleExplain = {explain, squeezed};
  if (typeof document === "undefined") return; // in a test
  const start = () => document.querySelectorAll("[data-explain]").forEach(setUp);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();
