// What a page gives the seed's consumer and Node does not: a base URL for fetch, and a token.
const { fetch } = globalThis;
globalThis.fetch = (path, options) => fetch(new URL(path, process.env.BASE_URL), options);
globalThis.token = process.env.TOKEN;
