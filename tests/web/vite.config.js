import { createRequire } from "node:module";
import { defineConfig } from "vite";

const { resolve } = createRequire(import.meta.url);

/** `old:NAME` is NAME as react-ui 1.54.1 sees it, so that the old page has one react-core and not two. */
const old = {
  name: "old-packages",
  enforce: "pre",
  resolveId(source) {
    return source.startsWith("old:") ? this.resolve(source.slice(4), resolve("react-ui-154/package.json")) : null;
  },
};

export default defineConfig({
  base: "./",
  logLevel: "error",
  plugins: [old],
  resolve: { dedupe: ["react", "react-dom"] },
  build: {
    chunkSizeWarningLimit: 10_000,
    reportCompressedSize: false,
    rollupOptions: { input: ["v1.html", "v2.html", "old.html"] },
  },
});
