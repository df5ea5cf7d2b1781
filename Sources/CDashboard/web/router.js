// The place in the page, kept in the address's fragment so that it can be linked: #/route/infer, #/requests.

const VIEWS = ["graph", "models", "requests", "changes", "config"];
const PANELS = ["route", "backend", "endpoint"];

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `{ view, panel: { kind, names } | null, query }`; anything unknown is the graph. */
export function parse(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [first, ...rest] = path.split("/");
  const parameters = Object.fromEntries(new URLSearchParams(query));
  if (PANELS.includes(first) && rest.length) return { view: "graph", panel: { kind: first, names: rest.map(decode) }, query: parameters };
  return { view: VIEWS.includes(first) ? first : "graph", panel: null, query: parameters };
}

export const routeLink = (name) => `#/route/${encodeURIComponent(name)}`;
export const backendLink = (name) => `#/backend/${encodeURIComponent(name)}`;
export const endpointLink = (backend, address) => `#/endpoint/${encodeURIComponent(backend)}/${encodeURIComponent(address)}`;

export function start(show) {
  const go = () => show(parse(location.hash));
  addEventListener("hashchange", go);
  go();
}

export function goTo(link) {
  if (location.hash !== link) location.hash = link;
}
