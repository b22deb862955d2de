/**
 * Where the user is, kept in the URL: `?thread=<id>#/modules/tasks/records/<id>`.
 * After the `#` are the paths that the server's actions return as `link`.
 */
import { useMemo, useSyncExternalStore } from "react";

export type Filters = Record<string, string>;

export type Page =
  | { type: "dashboard" }
  | { type: "moduleList"; slug: string; filters: Filters }
  | { type: "moduleRecord"; slug: string; id: string };

export const DASHBOARD: Page = { type: "dashboard" };

export function pathOf(page: Page): string {
  switch (page.type) {
    case "dashboard":
      return "/";
    case "moduleList": {
      const query = new URLSearchParams(page.filters).toString();
      return `/modules/${encodeURIComponent(page.slug)}${query && `?${query}`}`;
    }
    case "moduleRecord":
      return `/modules/${encodeURIComponent(page.slug)}/records/${encodeURIComponent(page.id)}`;
  }
}

export function pageAt(path: string): Page | undefined {
  const [steps = "", query = ""] = path.split("?", 2);
  const [modules, slug, records, id, ...rest] = steps.split("/").filter(Boolean).map(decoded);
  if (modules === undefined) return DASHBOARD;
  if (modules !== "modules" || !slug || rest.length) return undefined;
  if (records === undefined) {
    return { type: "moduleList", slug, filters: Object.fromEntries(new URLSearchParams(query)) };
  }
  return records === "records" && id ? { type: "moduleRecord", slug, id } : undefined;
}

function decoded(step: string): string {
  try {
    return decodeURIComponent(step);
  } catch {
    return step;
  }
}

export const hrefOf = (page: Page) => `#${pathOf(page)}`;

export function go(page: Page) {
  window.location.hash = pathOf(page);
}

/** Opens a conversation, a new one if no id is given. */
export function openThread(id: string = crypto.randomUUID(), how: "push" | "replace" = "push") {
  const url = `?thread=${encodeURIComponent(id)}${window.location.hash}`;
  if (how === "push") window.history.pushState(null, "", url);
  else window.history.replaceState(null, "", url);
  window.dispatchEvent(new PopStateEvent("popstate"));
}

function subscribe(onChange: () => void) {
  window.addEventListener("popstate", onChange);
  window.addEventListener("hashchange", onChange);
  return () => {
    window.removeEventListener("popstate", onChange);
    window.removeEventListener("hashchange", onChange);
  };
}

export function usePlace(): { page: Page; threadId: string | null } {
  const hash = useSyncExternalStore(subscribe, () => window.location.hash);
  const search = useSyncExternalStore(subscribe, () => window.location.search);
  return useMemo(
    () => ({ page: pageAt(hash.slice(1)) ?? DASHBOARD, threadId: new URLSearchParams(search).get("thread") }),
    [hash, search],
  );
}
