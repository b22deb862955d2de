/**
 * A client of copilot_core for browsers and Node >= 18, in one file without dependencies.
 *
 * An answer that breaks off is read on where it was, over as many connections as that takes, and nothing is
 * asked twice: each run has a name before the server hears of it. Types are in `copilot.d.ts`.
 */

const SHORTEST = 250;
const LONGEST = 10_000;
const MOST_PATIENCE = 60; // seconds that a server may ask for
const SILENCE = 60_000; // the server says something each 15 seconds
const TRIES = 10;
const PASSING = [429, 502, 503, 504];

/** The server refused, nothing answers, or something answers that is no copilot. */
export class CopilotError extends Error {
  /**
   * @param {string} code the server's own, or `unreachable`, or `unexpected_answer`
   * @param {string} message
   * @param {{status?: number, details?: object, retryAfter?: number, cause?: unknown}} [more]
   */
  constructor(code, message, { status, details = {}, retryAfter, cause } = {}) {
    super(message, { cause });
    Object.assign(this, { name: 'CopilotError', code, status, details, retryAfter });
  }

  /** Whether the same request may be answered a little later. */
  get passing() {
    return this.code === 'unreachable' || (PASSING.includes(this.status) && (this.retryAfter ?? 0) <= MOST_PATIENCE);
  }
}

/**
 * Ask, on the six-event wire: start, tool_use, token, sources, done, error.
 *
 * @param {import('./copilot').ChatOptions} options
 * @returns an async iterator of the events; with `onEvent`, a promise of the last one
 */
export function chat(options) {
  const { message, conversationId = null, onBusy, timezone, runId = newId() } = options;
  const body = { message, conversationId, runId, onBusy, timezone };
  const connect = (after, id) => request(options, 'POST', `/api/copilot/chat${id ? `?after=${part(id)}` : ''}`, body);
  return told(held(options, connect, ['done', 'error']), options.onEvent);
}

/**
 * Ask, and read the domain events, `{"type": "TextDelta", "messageId", "delta"}` and so on.
 *
 * @param {import('./copilot').RunOptions} options
 */
export function run(options) {
  return begun(options, { messages: [{ role: 'user', content: options.message }] });
}

/** Say yes to a question, and read the run that goes on. @param {import('./copilot').AnswerOptions} options */
export const approve = (options) => answered(options, true);

/** Say no to it. @param {import('./copilot').AnswerOptions} options */
export const decline = (options) => answered(options, false);

/** The domain events of a run, from any point on. @param {import('./copilot').FollowOptions} options */
export function follow(options) {
  return told(held(options, (after) => events(options, options.runId, after), ENDS), options.onEvent);
}

/** Stop a run; whether there was anything to stop. @param {import('./copilot').At & {runId: string}} options */
export async function stop(options) {
  return (await json(options, 'POST', `/v1/runs/${part(options.runId)}/stop`)).stopped;
}

/** A page of your conversations, the latest first. @param {import('./copilot').ThreadsOptions} options */
export function threads(options) {
  const { q, archived, limit, cursor } = options;
  const asked = Object.entries({ q, archived, limit, cursor }).filter(([, value]) => value != null);
  return json(options, 'GET', `/v1/threads?${new URLSearchParams(asked)}`);
}

/** What was said, and what waits for a yes or no. @param {import('./copilot').ThreadOptions} options */
export const conversation = (options) => json(options, 'GET', `${thread(options)}/messages`);

/** @param {import('./copilot').ThreadOptions & {title: string}} options */
export const rename = (options) => json(options, 'PATCH', thread(options), { title: options.title });

/** Put it away, or take it back. @param {import('./copilot').ThreadOptions & {archived?: boolean}} options */
export const archive = (options) => json(options, 'PATCH', thread(options), { archived: options.archived ?? true });

/** Forget it. @param {import('./copilot').ThreadOptions} options */
export const remove = async (options) => void (await request(options, 'DELETE', thread(options)));

/** A copy, up to a message. @param {import('./copilot').ThreadOptions & {messageId?: string}} options */
export const fork = (options) => json(options, 'POST', `${thread(options)}/fork`, { messageId: options.messageId });

const ENDS = ['RunFinished', 'RunFailed'];
const part = encodeURIComponent;
const thread = ({ threadId }) => `/v1/threads/${part(threadId)}`;
const events = (at, runId, after) => request(at, 'GET', `/v1/runs/${part(runId)}/events?after=${after}`);
const json = async (...asked) => (await request(...asked)).json();

function answered(options, approved) {
  const answer = { interruptId: options.questionId, status: 'resolved', payload: { approved } };
  return begun(options, { messages: [], resume: [answer] });
}

/** Begins the run that `said` describes, unless a lost connection began it already, then reads its events. */
function begun(options, said) {
  const { runId = newId(), threadId = runId, onBusy, timezone, readables } = options;
  const body = { ...said, runId, threadId, onBusy, timezone, readables };
  let asked = false;
  let stored = false;
  const connect = async (after) => {
    if (!stored && !(asked && (await exists(options, runId)))) {
      asked = true;
      (await request(options, 'POST', '/v1/copilot', body)).body.cancel().catch(() => {});
    }
    stored = true;
    return events(options, runId, after);
  };
  return told(held(options, connect, ENDS), options.onEvent);
}

async function exists(at, runId) {
  try {
    return Boolean(await json(at, 'GET', `/v1/runs/${part(runId)}`));
  } catch (error) {
    if (error.status === 404) return false;
    throw error;
  }
}

/** Events over as many connections as it takes, each once; `connect(after, id)` opens one after that event. */
async function* held(options, connect, ends) {
  const { signal, tries = TRIES, pause = backoff } = options;
  let after = options.after ?? 0;
  let last;
  let failures = 0;
  for (;;) {
    try {
      for await (const { id, data } of frames(await connect(after, last), signal)) {
        const number = Number(/:(\d+)$/.exec(id)?.[1] ?? 0);
        if (data === undefined) failures = 0; // a comment: the connection holds
        if (number <= after) continue; // known, or the server's word that it restarts, which has no number
        [after, last, failures] = [number, id, 0];
        const event = JSON.parse(data);
        yield event;
        if (ends.includes(event.type)) return;
      }
      throw new CopilotError('unreachable', 'The answer broke off before it was complete.');
    } catch (error) {
      failures += 1;
      if (!error.passing || failures > tries) throw error;
      await sleep(Math.max(pause(failures), 1000 * (error.retryAfter ?? 0)), signal);
    }
  }
}

/** Server-sent events; a comment is an event without data. The id is that of the event alone. */
async function* frames(response, signal) {
  if (!response.headers.get('content-type')?.startsWith('text/event-stream')) throw stranger(response);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let rest = '';
  let id = '';
  let data = [];
  try {
    for (;;) {
      const chunk = await read(reader, signal);
      if (chunk.done) return;
      const lines = (rest + decoder.decode(chunk.value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop();
      for (const line of lines) {
        const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (line === '') {
          if (data.length) yield { id, data: data.join('\n') };
          id = '';
          data = [];
        } else if (name === '') yield { id: '' };
        else if (name === 'data') data.push(value);
        else if (name === 'id') id = value;
      }
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

/** The next bytes. A connection that is silent for too long is one that has ended. */
async function read(reader, signal) {
  const silent = setTimeout(() => reader.cancel().catch(() => {}), SILENCE);
  try {
    return await reader.read();
  } catch (cause) {
    throw lost(cause, signal);
  } finally {
    clearTimeout(silent);
  }
}

async function request({ url = '', key, model, signal, fetch = globalThis.fetch }, method, path, given) {
  const headers = {};
  if (key) headers.Authorization = `Bearer ${key}`;
  if (model) headers['x-copilot-model'] = model;
  if (given) headers['Content-Type'] = 'application/json';
  const body = given && JSON.stringify(given);
  let response;
  try {
    response = await fetch(url.replace(/\/+$/, '') + path, { method, headers, body, signal });
  } catch (cause) {
    throw lost(cause, signal);
  }
  if (response.ok) return response;
  const { error } = await response.json().catch(() => ({}));
  if (!error?.code) throw stranger(response);
  const retryAfter = Number(response.headers.get('retry-after')) || undefined;
  throw new CopilotError(error.code, error.message, { status: response.status, details: error.details, retryAfter });
}

const stranger = ({ url, status }) =>
  new CopilotError('unexpected_answer', `${url} answered ${status}, and not as a copilot does.`, { status });

/** What a failed connection is told as; a request that was called off keeps its reason. */
const lost = (cause, signal) =>
  signal?.aborted ? cause : new CopilotError('unreachable', 'The server does not answer.', { cause });

/** With `onEvent`, the events are handed to it and the last one is promised; else they are the caller's to read. */
const told = (events, onEvent) => (onEvent ? handed(events, onEvent) : events);

async function handed(events, onEvent) {
  let last;
  for await (last of events) onEvent(last);
  return last;
}

const backoff = (failures) => Math.min(LONGEST, SHORTEST * 2 ** (failures - 1)) * (0.5 + Math.random() / 2);

function sleep(milliseconds, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, milliseconds);
    signal?.addEventListener('abort', () => (clearTimeout(timer), reject(signal.reason)), { once: true });
  });
}

/** Unique, and no secret. Pages without TLS have no `randomUUID`. */
function newId() {
  const digits = () => Math.random().toString(36).slice(2);
  return globalThis.crypto?.randomUUID?.() ?? `${Date.now().toString(36)}-${digits()}${digits()}`;
}
