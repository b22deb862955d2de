/** What several parts of the page share: the application's state, values, icons. */
import { createContext, useContext, useEffect, useState } from "react";
import type { ReactNode } from "react";
import type { ActionInfo, Api, Field, Module } from "./api";
import type { Page } from "./place";
import { hrefOf } from "./place";

export interface App {
  api: Api;
  modules: Module[];
  actions: ActionInfo[];
  page: Page;
  threadId: string;
  /** Grows when the copilot has changed something: what is shown is read again. */
  version: number;
  /** The id of a record that should stand out. */
  highlighted: string | undefined;
  changed: (recordId?: string) => void;
  highlight: (recordId: string) => void;
}

const AppContext = createContext<App | null>(null);
export const AppProvider = AppContext.Provider;

export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("outside the application");
  return app;
}

export const moduleNamed = (modules: Module[], text: string) =>
  modules.find((module) => module.slug === text) ??
  modules.find((module) => [module.name, module.singular].some((name) => name.toLowerCase() === text.toLowerCase()));

export interface Loaded<T> {
  data?: T;
  error?: Error;
}

/** Loads again when `deps` change; what was loaded before stays until then. */
export function useLoad<T>(load: () => Promise<T>, deps: unknown[]): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({});
  useEffect(() => {
    let current = true;
    load().then(
      (data) => current && setLoaded({ data }),
      (error: Error) => current && setLoaded((before) => ({ ...before, error })),
    );
    return () => {
      current = false;
    };
  }, deps);
  return loaded;
}

/** `dueDate`, `in_progress`, `DE` -> `due date`, `in progress`, `DE` */
export const words = (name: string): string =>
  name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .split(/[\s_-]+/)
    .map((word) => (word === word.toUpperCase() ? word : word.toLowerCase()))
    .join(" ");

export function label(name: string): string {
  const told = words(name);
  return told.charAt(0).toUpperCase() + told.slice(1);
}

export const localDate = (when: Date) =>
  [when.getFullYear(), when.getMonth() + 1, when.getDate()].map((part) => String(part).padStart(2, "0")).join("-");

const DATE = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });
const MOMENT = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const NUMBER = new Intl.NumberFormat();

/** Any value as text for a person, whatever its shape. */
export function text(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return NUMBER.format(value);
  if (typeof value === "boolean") return value ? "Yes" : "No";
  if (Array.isArray(value)) return value.map(text).join(", ") || "–";
  if (typeof value === "object") return described(value as Record<string, unknown>);
  return String(value);
}

const OPERATORS: Record<string, string> = {
  eq: "is",
  ne: "is not",
  gt: "is more than",
  gte: "is at least",
  lt: "is less than",
  lte: "is at most",
  contains: "contains",
  in: "is one of",
};

function described(value: Record<string, unknown>): string {
  if (typeof value.field === "string" && typeof value.op === "string") {
    if (value.op === "empty") return `${label(value.field)} is ${value.value === false ? "not " : ""}empty`;
    return `${label(value.field)} ${OPERATORS[value.op] ?? value.op} ${text(value.value)}`;
  }
  return Object.entries(value)
    .map(([name, part]) => `${label(name)}: ${text(part)}`)
    .join(", ");
}

export const momentText = (iso: string) => MOMENT.format(new Date(iso));

function dateText(value: string): string {
  const [year = 0, month = 1, day = 1] = value.slice(0, 10).split("-").map(Number);
  return value.length > 10 ? momentText(value) : DATE.format(new Date(year, month - 1, day));
}

/** The value of a field, shown as its type asks for. */
export function Value({ values, field }: { values: Record<string, unknown>; field: Field }): ReactNode {
  const value = values[field.name];
  if (value === null || value === undefined || value === "") return <span className="none">–</span>;
  if (field.options) {
    const chosen = Array.isArray(value) ? value : [value];
    return chosen.map((option) => <Option key={option} field={field} value={String(option)} />);
  }
  const content = String(value);
  switch (field.type) {
    case "date":
    case "datetime":
      return <span className="nowrap">{dateText(content)}</span>;
    case "email":
      return <a href={`mailto:${content}`}>{content}</a>;
    case "phone":
      return <a href={`tel:${content}`}>{content}</a>;
    case "url":
      return (
        <a href={/^https?:/.test(content) ? content : `https://${content}`} target="_blank" rel="noreferrer">
          {content.replace(/^https?:\/\//, "")}
        </a>
      );
    case "relation": {
      const id = values[`${field.name}Id`];
      if (!field.module || typeof id !== "string") return content;
      return <a href={hrefOf({ type: "moduleRecord", slug: field.module, id })}>{content}</a>;
    }
    default:
      return text(value);
  }
}

/** One of a field's options, with a dot whose colour is its place among them. */
export function Option({ field, value }: { field: Field; value: string }) {
  const place = field.options?.indexOf(value) ?? -1;
  return (
    <span className="option" data-place={place < 0 ? undefined : place % 6}>
      {label(value)}
    </span>
  );
}

const ICONS = {
  home: "M3 10.5 12 3l9 7.5M5.5 9v11h13V9",
  list: "M4 6h16M4 12h16M4 18h10",
  bell: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15L6 16ZM10 20.5h4",
  menu: "M4 7h16M4 12h16M4 17h16",
  plus: "M12 5v14M5 12h14",
  edit: "M4 20h4L19 9l-4-4L4 16v4ZM13.5 6.5l4 4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  check: "m5 12.5 4.5 4.5L19 7.5",
  cross: "M6 6l12 12M18 6 6 18",
  mail: "M3.5 6h17v12h-17zM4 6.5l8 6.5 8-6.5",
  arrow: "M5 12h14M13 6l6 6-6 6",
  shield: "M12 3.5 5 6v6c0 4.5 3 7.5 7 8.5 4-1 7-4 7-8.5V6l-7-2.5ZM12 9v3.5M12 15.5v.1",
} as const;

export function Icon({ name }: { name: keyof typeof ICONS }) {
  return (
    <svg className="icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={ICONS[name]} />
    </svg>
  );
}
