// The server's JSON API.

/** A refusal: a code for translation, and the server's sentence. */
export class ApiError extends Error {
  constructor(code, message, retryAfter = 0) {
    super(message);
    this.code = code;
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
    const { code = "http", message = answer.statusText } = content?.error ?? {};
    throw new ApiError(code, message, Number(answer.headers.get("Retry-After")));
  }
  return content;
}

/** Waits a number of milliseconds. */
export function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
