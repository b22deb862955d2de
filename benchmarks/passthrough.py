"""The yardstick: the least an ASGI server can do to relay a model's answer. It reads and parses nothing.

MODEL_URL=http://127.0.0.1:9000/v1 uvicorn --app-dir benchmarks passthrough:app
"""

import os

import aiohttp

HEADERS = [(b"content-type", b"text/event-stream")]


class Passthrough:
    session: aiohttp.ClientSession

    async def __call__(self, scope, receive, send):
        if scope["type"] == "lifespan":
            await self.live(receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        model = dict(scope["headers"])[b"x-copilot-model"].decode()
        body = {"model": model, "stream": True, "messages": [{"role": "user", "content": "Go on."}]}
        async with self.session.post(os.environ["MODEL_URL"] + "/chat/completions", json=body) as answer:
            await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
            while block := await answer.content.readany():
                await send({"type": "http.response.body", "body": block, "more_body": True})
        await send({"type": "http.response.body"})

    async def live(self, receive, send):
        await receive()
        self.session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self.session.close()
        await send({"type": "lifespan.shutdown.complete"})


app = Passthrough()
