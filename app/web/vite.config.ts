import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = "http://127.0.0.1:8000";

export default defineConfig({
  base: "/app/",
  plugins: [react()],
  // CopilotKit brings a Markdown, diagram and highlighting stack with it.
  build: { chunkSizeWarningLimit: 5000 },
  server: { proxy: { "/v1": server, "/demo.json": server } },
});
