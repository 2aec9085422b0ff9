/* The sheet over the page, whatever it shows. */

import { fill, h, icon } from "./dom.js";

/**
 * Open the sheet with other contents.
 * @param {HTMLDialogElement} sheet
 * @param {string} title
 * @param {...(Node | string | false)} children
 */
export function openSheet(sheet, title, ...children) {
  const close = h(
    "button.close",
    { type: "button", "aria-label": "Close", onclick: () => sheet.close() },
    icon("cross"),
  );
  fill(
    sheet,
    h("header", {}, h("h2", { id: "sheet-title" }, title), close),
    h("div.inside", { tabindex: "0" }, ...children.map((one) => one || "")),
  );
  sheet.onclick = (event) => {
    if (event.target === sheet) sheet.close(); // beside the box
  };
  if (!sheet.open) sheet.showModal();
}
