// Calls of the admin API. The browser adds the password where one is asked for.

const TIMEOUT_MILLISECONDS = 15_000;

export class CallError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

async function call(method, path, { body, ifMatch } = {}) {
  const headers = {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  if (ifMatch) headers["If-Match"] = ifMatch;
  let response;
  let text;
  try {
    response = await fetch(path, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
      cache: "no-store",
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MILLISECONDS),
    });
    text = await response.text();
  } catch {
    throw new CallError(0, "The gateway does not answer.");
  }
  let value = null;
  try {
    value = text ? JSON.parse(text) : null;
  } catch {
    value = null;
  }
  if (!response.ok) {
    const message = typeof value?.error === "string" ? value.error : `The gateway answered ${response.status}.`;
    throw new CallError(response.status, message);
  }
  return { value, etag: response.headers.get("ETag") };
}

const weightsPath = (route) => `/api/v1/routes/${encodeURIComponent(route)}/weights`;
const query = (values) =>
  Object.entries(values)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([key, value]) => `${key}=${encodeURIComponent(value)}`)
    .join("&");

const drainPath = (endpoint) => (endpoint ? `/api/v1/drain?${query(endpoint)}` : "/api/v1/drain");

export const weights = (route) => call("GET", weightsPath(route));
export const setWeights = (route, body, etag) => call("PUT", weightsPath(route), { body, ifMatch: etag });
export const undoWeights = (route, etag) => call("POST", `${weightsPath(route)}/undo`, { ifMatch: etag });
export const history = (subject) => call("GET", `/api/v1/history?${query(subject)}`);
export const models = (refresh) => call("GET", `/api/v1/models${refresh ? "?refresh=1" : ""}`);
/** Of an endpoint, `{ backend, endpoint }`, or of the whole gateway. */
export const drain = (endpoint) => call("POST", drainPath(endpoint));
export const undrain = (endpoint) => call("DELETE", drainPath(endpoint));
export const reload = () => call("POST", "/api/v1/reload");
