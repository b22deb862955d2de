// What copilot.js makes of a stream, byte by byte, in every form that server-sent events may have.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CopilotError, chat, follow, threads } from '../../../clients/js/copilot.js';

const encoder = new TextEncoder();
const told = [
  { type: 'start', conversationId: 'c' },
  { type: 'token', content: 'Größe ☃ 👋' },
  { type: 'token', content: 'a: b' },
  { type: 'done' },
];
const frames = told.map((event, index) => `id: r:1:${index + 1}\ndata: ${JSON.stringify(event)}\n\n`);

/** A response that brings `text` in blocks of `size` bytes, and then ends or fails. */
function stream(text, { size = 1e9, error, headers = { 'content-type': 'text/event-stream' } } = {}) {
  const bytes = encoder.encode(text);
  let at = 0;
  const pull = (controller) => {
    if (at < bytes.length) controller.enqueue(bytes.slice(at, (at += size)));
    else if (error) controller.error(error);
    else controller.close();
  };
  return new Response(new ReadableStream({ pull }), { headers });
}

/** `chat`'s options, with a `fetch` that gives these answers in turn; `asked` collects its requests. */
function answering(answers, asked = []) {
  const fetch = async (url, init) => {
    asked.push({ url, ...init });
    const answer = answers.shift();
    if (answer instanceof Error) throw answer;
    return answer;
  };
  return { message: 'hi', runId: 'r:1', pause: () => 0, fetch };
}

async function all(events) {
  const found = [];
  for await (const event of events) found.push(event);
  return found;
}

for (const [name, end] of [['LF', '\n'], ['CRLF', '\r\n'], ['CR', '\r']]) {
  for (const size of [1, 2, 3, 7, 1e9]) {
    test(`lines that end in ${name}, in blocks of ${size}`, async () => {
      const text = (': hello\n\nretry: 5\n\n' + frames.join(': keep-alive\n\n') + ': end\n').replaceAll('\n', end);
      assert.deepEqual(await all(chat(answering([stream(text, { size })]))), told);
    });
  }
}

test('data on several lines, without a space, and an event without data', async () => {
  const text = 'id: r:1\n\nid:r:2\ndata:{"type":\ndata:"done"}\n\n';
  assert.deepEqual(await all(chat(answering([stream(text)]))), [{ type: 'done' }]);
});

test('every event once, wherever the stream ends or fails', async () => {
  const whole = encoder.encode(frames.join(''));
  for (let position = 0; position < whole.length; position += 1) {
    for (const error of [undefined, new TypeError('terminated')]) {
      const asked = [];
      const first = stream(new TextDecoder().decode(whole.slice(0, position)), { error });
      const heard = frames.filter((_, index) => encoder.encode(frames.slice(0, index + 1).join('')).length <= position);
      const rest = stream(frames.slice(heard.length).join(''));
      assert.deepEqual(await all(chat(answering([first, rest], asked))), told);
      const last = heard.length ? `?after=r%3A1%3A${heard.length}` : '';
      assert.deepEqual(asked.map(({ url }) => url), ['/api/copilot/chat', `/api/copilot/chat${last}`]);
      assert.equal(asked[0].body, asked[1].body);
    }
  }
});

test('what was heard before, and the word that the server restarts, are passed over', async () => {
  const cut = stream(frames[0] + 'data: {"type": "error", "error": "restarting"}\n\n');
  assert.deepEqual(await all(chat(answering([cut, stream(frames.join(''))]))), told);
});

test('a server that is not there is given up after as many attempts as told', async () => {
  const asked = [];
  const options = { ...answering(Array(4).fill(new TypeError('fetch failed')), asked), tries: 3 };
  await assert.rejects(all(chat(options)), { name: 'CopilotError', code: 'unreachable', passing: true });
  assert.equal(asked.length, 4);
});

/** Runs `body` with a `setTimeout` that fires at once; the times that it was asked to wait. */
async function hurried(body) {
  const { setTimeout } = globalThis;
  const waits = [];
  globalThis.setTimeout = (done, wait) => (waits.push(wait), setImmediate(done));
  globalThis.clearTimeout = clearImmediate;
  try {
    await body();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  return waits;
}

const { clearTimeout } = globalThis;

test('new attempts wait for a time that doubles', async () => {
  const { pause, ...options } = answering(Array(11).fill(new TypeError('fetch failed')));
  const waits = await hurried(() => assert.rejects(all(chat(options)), { code: 'unreachable' }));
  [250, 500, 1000, 2000, 4000, 8000, 10000, 10000, 10000, 10000].forEach((longest, index) => {
    assert.ok(longest / 2 <= waits[index] && waits[index] <= longest, `${waits}`);
  });
  assert.equal(waits.length, 10);
});

test('a connection that is silent for a minute is given up, and the rest is read from another', async () => {
  const { headers } = stream('');
  const silent = new Response(new ReadableStream({ start: (c) => c.enqueue(encoder.encode(frames[0])) }), { headers });
  const waits = await hurried(async () => {
    assert.deepEqual(await all(chat(answering([silent, stream(frames.slice(1).join(''))]))), told);
  });
  assert.ok(waits.includes(60_000));
});

test('a refusal is told with all that the server says, and is final', async () => {
  const error = { code: 'thread_busy', message: 'Busy.', details: { retryAfter: 2 } };
  const refusal = Response.json({ error, requestId: '1' }, { status: 409, headers: { 'retry-after': '2' } });
  const told = { name: 'CopilotError', ...error, status: 409, retryAfter: 2, passing: false };
  await assert.rejects(all(chat(answering([refusal]))), told);
});

test('a server that asks for patience gets it', async () => {
  const error = { code: 'rate_limited', message: 'Slowly.' };
  const refusal = Response.json({ error }, { status: 429, headers: { 'retry-after': '0.001' } });
  const gateway = new Response('<html>', { status: 502 });
  assert.deepEqual(await all(chat(answering([refusal, gateway, stream(frames.join(''))]))), told);
  const late = Response.json({ error }, { status: 429, headers: { 'retry-after': '61' } });
  await assert.rejects(all(chat(answering([late]))), { code: 'rate_limited', retryAfter: 61 });
});

test('a stranger is told', async () => {
  const page = { headers: { 'content-type': 'text/html' } };
  await assert.rejects(all(chat(answering([new Response('<html>', page)]))), { code: 'unexpected_answer', status: 200 });
  await assert.rejects(threads(answering([new Response('no', { status: 500 })])), { code: 'unexpected_answer' });
});

test('a caller that calls off is told its own reason, whatever goes on', async () => {
  const reason = new Error('enough');
  const controller = new AbortController();
  const { signal } = controller;
  const fetch = async (_url, init) => {
    init.signal.addEventListener('abort', () => {});
    throw new TypeError('fetch failed');
  };
  const waiting = all(chat({ message: 'hi', signal, fetch, pause: () => 60_000 }));
  setImmediate(() => controller.abort(reason));
  await assert.rejects(waiting, reason);
});

test('an iterator that is left closes its connection', async () => {
  let closed = false;
  const body = new ReadableStream({
    start: (controller) => controller.enqueue(encoder.encode(frames[0])),
    cancel: () => (closed = true),
  });
  const headers = { 'content-type': 'text/event-stream' };
  for await (const event of chat(answering([new Response(body, { headers })]))) {
    assert.equal(event.type, 'start');
    break;
  }
  assert.ok(closed);
});

test('with onEvent, the last event is promised', async () => {
  const found = [];
  const last = await chat({ ...answering([stream(frames.join(''))]), onEvent: (event) => found.push(event) });
  assert.deepEqual([found, last], [told, told.at(-1)]);
});

test('the ids of runs and the url may have any form', async () => {
  const asked = [];
  const answer = stream('id: ö/1:2\ndata: {"type": "RunFinished"}\n\n');
  const { fetch } = answering([answer], asked);
  await all(follow({ url: 'http://host/path/', runId: 'ö/1', after: 1, fetch }));
  assert.equal(asked[0].url, 'http://host/path/v1/runs/%C3%B6%2F1/events?after=1');
  assert.ok(new CopilotError('code', 'message') instanceof Error);
});
