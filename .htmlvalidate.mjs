// The whole standard set, but for:
export default {
  root: true,
  extends: ["html-validate:standard"],
  rules: {
    // The theme writes autocomplete="off" on the two checkboxes that open its menu and its
    // search. Without it, Firefox finds them open again when a reader comes back to a page.
    "valid-autocomplete": "off",
  },
};
