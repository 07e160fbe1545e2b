// The server's JSON API.

/** A refusal: a code and parameters for translation, and the server's sentence. */
export class ApiError extends Error {
  constructor(code, message, parameters = {}, retryAfter = 0) {
    super(message);
    this.code = code;
    this.parameters = parameters;
    this.retryAfter = retryAfter;
  }
}

/** Sends a request and returns the JSON of its answer. */
export async function call(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError("network", error.message);
  }
  const content = answer.status === 204 ? null : await answer.json().catch(() => null);
  if (!answer.ok) {
    const { code = "http", message = answer.statusText, parameters } = content?.error ?? {};
    const known = parameters ?? { status: answer.status };
    throw new ApiError(code, message, known, Number(answer.headers.get("Retry-After")));
  }
  return content;
}

/** Waits a number of milliseconds. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
