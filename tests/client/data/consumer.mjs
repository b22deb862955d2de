// Calls functions of copilot.js as the test says, and prints one line of JSON for each.
import * as copilot from '../../../clients/js/copilot.js';

const { calls, options, live } = JSON.parse(process.env.JOB);

async function outcome([name, own]) {
  try {
    const told = copilot[name]({ pause: () => 0, ...options, ...own });
    if (!told[Symbol.asyncIterator]) return { value: (await told) ?? null };
    const events = [];
    for await (const event of told) {
      events.push(event);
      if (live) console.error(JSON.stringify(event));
    }
    return { events };
  } catch ({ name, code, message, status, details, retryAfter }) {
    return { error: { name, code, message, status, details, retryAfter } };
  }
}

for (const call of calls) console.log(JSON.stringify(await outcome(call)));
