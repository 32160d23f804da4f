// Answers the theme's search box, in place of the theme's own worker. That one looks words
// up in an index: it throws on pasted tracebacks, finds no part of a name, and takes a run
// of Chinese for one word. All texts of a language together are small enough to be read
// through for every question, and then nothing has to know where a word ends.

const ASK = 2, READY = 1, ANSWER = 3; // how the theme numbers its messages
const MOST_WORDS = 80; // of a pasted traceback: its message stands at one of its ends
const MOST_PAGES = 30, MOST_SECTIONS = 8, MOST_MARKS = 12;
const TEASER = 200; // characters
const HAN = /\p{sc=Han}+/gu;
const FRAME = /Traceback \(most recent call last\):|File "[^"]*", line \d+, in \S+/g;
const ENDING = /(?:ations?|ions?|ing|ed|es|s|e)$/;

let sections, latest;

addEventListener("message", async ({ data: { type, data } }) => {
  if (type !== ASK) {
    // in a copy without a server the texts come with the page, for files cannot be fetched
    if (data.docs.length) sections = Promise.resolve(prepared(data.docs));
    return postMessage({ type: READY });
  }
  latest = data;
  const items = data.trim() ? await answer(data) : [];
  if (data === latest) postMessage({ type: ANSWER, data: { items } });
});

async function answer(question) {
  sections ??= load().catch((error) => {
    sections = undefined; // the next letter typed tries again
    throw error;
  });
  const all = await sections;
  const terms = wanted(question)
    .map((term) => weighed(term, all))
    .filter((term) => term.weight);
  const total = sum(terms, (term) => term.word && term.weight);
  const scored = all.map((section, i) => {
    const said = sum(terms, (term) => term.weight * term.found[i]);
    const words = sum(terms, (term) => term.word && term.found[i] > 0.1 && term.weight);
    const page = section.page === section ? 1.2 : 1;
    return { section, score: (said * page * words) / total };
  });
  return grouped(scored.filter(({ score }) => score > 0), marker(terms));
}

// The texts come with the first letter typed, not with every page.
async function load() {
  const response = await fetch("../search/sections.json");
  return prepared(await response.json());
}

function prepared(all) {
  const pages = new Map(all.map((section) => [section.location, section]));
  for (const section of all) {
    section.page = pages.get(section.location.split("#")[0]) ?? section;
    section.body = plain(section.text);
    section.names = [
      [4, plain(section.title)],
      [3, plain(section.also ?? "")],
      [1, plain(section.page.title)],
      [1, plain(section.location.replace(/_/g, " "))],
    ];
  }
  const length = sum(all, ({ body }) => body.length) / all.length;
  for (const section of all) section.room = 0.4 + (0.8 * section.body.length) / length;
  return all;
}

// Small letters, one blank between two words; a run of Chinese is a word.
function plain(text) {
  const spaced = text.normalize("NFKC").toLowerCase().replace(HAN, " $& ");
  return ` ${spaced.replace(/[^\p{L}\p{N}_]+/gu, " ").trim()} `;
}

// What to look for: words, neighbours and the whole question; of Chinese, which has no
// blanks, every two and every three characters that follow each other.
function wanted(question) {
  let words = plain(question.replace(FRAME, " ")).split(" ").filter(Boolean);
  if (words.length > MOST_WORDS)
    words = [...words.slice(0, MOST_WORDS / 2), ...words.slice(-MOST_WORDS / 2)];
  const terms = new Map();
  const add = (text, weight, word) => terms.set(text, { text, weight, word });
  if (words.length > 2) add(words.join(" "), 2, false);
  words.forEach((word, i) => {
    if (i) add(`${words[i - 1]} ${word}`, 1, false);
    if (word.search(HAN) < 0) {
      const stem = word.replace(ENDING, "");
      if (stem !== word && stem.length > 3) add(stem, 0.5, false);
      add(word, 1, true);
      return;
    }
    add(word, 1, word.length < 3);
    for (let k = 0; k + 2 < word.length; k++) add(word.slice(k, k + 3), 1, false);
    for (let k = 0; k + 1 < word.length; k++) add(word.slice(k, k + 2), 1, true);
  });
  return [...terms.values()];
}

// A term counts for more the fewer sections have it.
function weighed(term, all) {
  const found = all.map((section) => {
    const often = sum(hits(section.body, term.text));
    const named = ([worth, name]) => worth * Math.max(0, ...hits(name, term.text));
    return sum(section.names, named) + often / (often + section.room);
  });
  const count = found.filter(Boolean).length;
  const rare = Math.log(1 + (all.length - count + 0.5) / (count + 0.5));
  return { ...term, found, rare, weight: count && term.weight * rare };
}

// Each place where a text has a term: 1 for words, less for a part of a name or a word.
function hits(text, term) {
  const found = [];
  for (let at = text.indexOf(term); at >= 0; at = text.indexOf(term, at + 1))
    found.push(worth(term, text[at - 1], text[at + term.length]));
  return found;
}

function worth(term, before, after) {
  if (term.search(HAN) === 0 || (before === " " && after === " ")) return 1;
  if (before === " ") return term.length > 1 ? 0.7 : 0;
  if (term.length < 3 || term.includes(" ")) return 0;
  return before === "_" ? 0.6 : 0.15;
}

// Sections by page, as the theme wants them: the best first, and the page among them.
function grouped(scored, mark) {
  scored.sort((a, b) => b.score - a.score);
  const pages = new Map();
  for (const { section, score } of scored) {
    if (score < scored[0].score / 30) break;
    const found = pages.get(section.page) ?? pages.set(section.page, []).get(section.page);
    if (found.length < MOST_SECTIONS) found.push({ section, score });
  }
  return [...pages].slice(0, MOST_PAGES).map(([page, found]) => {
    const [first, second] = found;
    // the theme folds what scores less than the first
    if (first.section === page && second?.score > first.score / 4) second.score = first.score;
    if (found.every(({ section }) => section !== page)) found.push({ section: page, score: 0 });
    return found.map(({ section: { location, title, text }, score }) => {
      return { location, score, terms: {}, title: mark(title), text: mark(text, TEASER) };
    });
  });
}

// A function that shows what was found in a text, or in the piece of it that says it best.
function marker(terms) {
  terms.sort((a, b) => b.weight - a.weight);
  const rare = terms.filter((term, i) => !i || term.rare > 1.5).slice(0, MOST_MARKS);
  const patterns = rare.map((term) => term.text.replaceAll(" ", "[^\\p{L}\\p{N}_]+"));
  const each = patterns.map((pattern) => new RegExp(pattern, "iu"));
  patterns.sort((a, b) => b.length - a.length);
  const any = patterns.length ? new RegExp(`(${patterns.join("|")})`, "giu") : /($^)/;
  return (text, room = text.length) => {
    const place = each.map((pattern) => text.search(pattern)).find((at) => at >= 0) ?? 0;
    const from = Math.max(0, Math.min(place - room / 4, text.length - room));
    const shown = text.slice(from, from + room).replace(from ? /^\w*\W/ : "", "");
    const parts = shown.split(any).map(html);
    const marked = parts.map((part, i) => (i % 2 ? `<mark>${part}</mark>` : part)).join("");
    return (from ? "…" : "") + marked + (from + room < text.length ? "…" : "");
  };
}

function html(text) {
  return text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

function sum(items, value = (item) => item) {
  return items.reduce((total, item) => total + Number(value(item)), 0);
}
