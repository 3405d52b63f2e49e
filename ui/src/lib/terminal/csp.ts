// xterm.js writes rules into <style> elements and styles into attributes; a strict content security policy refuses both.
// It lets one hand in the document it works with: this one makes style elements that are constructed style sheets in
// truth, and spans whose style attribute goes through the CSSOM, which the policy allows.

/** A stand-in for a style element: setting its text replaces the rules of an adopted sheet. */
function styleStandIn(document: Document): HTMLElement {
  const sheet = new CSSStyleSheet();
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
  const element = Document.prototype.createElement.call(document, "span");
  element.hidden = true;
  Object.defineProperty(element, "textContent", {
    get: () => "",
    set: (rules: string) => sheet.replaceSync(rules),
  });
  element.remove = () => {
    document.adoptedStyleSheets = document.adoptedStyleSheets.filter((adopted) => adopted !== sheet);
    Element.prototype.remove.call(element);
  };
  return element;
}

function setAttribute(this: HTMLElement, name: string, value: string): void {
  if (name === "style") this.style.cssText = value;
  else Element.prototype.setAttribute.call(this, name, value);
}

function createElement(document: Document, tag: string, options?: ElementCreationOptions): HTMLElement {
  const name = tag.toLowerCase();
  if (name === "style") return styleStandIn(document);
  const element = Document.prototype.createElement.call(document, tag, options);
  if (name === "span") element.setAttribute = setAttribute;
  return element;
}

/** The document as xterm.js is to see it (`documentOverride`). */
export function cspDocument(document: Document): Document {
  return new Proxy(document, {
    get(target, name) {
      if (name === "createElement") return createElement.bind(null, target);
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
    set: (target, name, value) => Reflect.set(target, name, value, target),
  });
}

/** While `act` runs, the real document makes stand-ins too: one part of xterm.js 6.0 passes the override by. */
export function withStandIns(document: Document, act: () => void): void {
  document.createElement = createElement.bind(null, document) as typeof document.createElement;
  try {
    act();
  } finally {
    delete (document as { createElement?: unknown }).createElement;
  }
}
