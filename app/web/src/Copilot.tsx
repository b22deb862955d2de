/** What the copilot knows of the page, what it may do on it, and what it shows in the chat. */
import { useCopilotAction, useCopilotReadable } from "@copilotkit/react-core";
import { useAgent, useInterrupt, useRenderTool } from "@copilotkit/react-core/v2";
import { useCopilotChatSuggestions } from "@copilotkit/react-ui";
import { useEffect, useLayoutEffect, useMemo, useRef } from "react";
import type { Api, CrmRecord, Module } from "./api";
import { ApprovalCard, ChoiceCard, ToolCard, useGoFromChat } from "./cards";
import type { ToolCall } from "./cards";
import type { Page } from "./place";
import { pageAt } from "./place";
import { label, localDate, moduleNamed, useApp, words } from "./ui";

interface CopilotProps {
  role: string | undefined;
  recordName: string | undefined;
  /** A message was answered: the conversation may be new in the list. */
  onRunEnded: () => void;
}

export function Copilot({ role, recordName, onRunEnded }: CopilotProps) {
  useReadables(role, recordName);
  useNavigation();
  usePageActions();
  useChanges(onRunEnded);
  useSuggestions(recordName);

  // v2, because v1's renderers are not told the id of the call and are lost when a frontend tool mounts later.
  useRenderTool({ name: "*", render: (call: ToolCall) => <ToolCard {...call} /> }, []);

  const { threadId } = useApp();
  return <Approvals key={threadId} />;
}

function Approvals() {
  const { agent } = useAgent({ updates: [] });
  // The agent outlives a change of thread, and refuses to connect to another one while it holds an open approval.
  useLayoutEffect(() => () => void (agent.pendingInterrupts = []), [agent]);
  useInterrupt({
    render: ({ interrupts, resolve }) => (
      <>
        {interrupts.map((interrupt) => (
          <ApprovalCard
            key={interrupt.id}
            interrupt={interrupt}
            answer={(approved) => void resolve({ approved }, interrupt.id)}
          />
        ))}
      </>
    ),
  });
  return null;
}

/* ---- What it knows ---- */

function useReadables(role: string | undefined, recordName: string | undefined) {
  const { modules, page } = useApp();
  useCopilotReadable({
    description: "Current page and navigation context",
    value: useMemo(() => pageContext(page, modules, recordName), [page, modules, recordName]),
  });
  useCopilotReadable({
    description: "Current user information",
    value: useMemo(() => ({ role }), [role]),
    available: role ? "enabled" : "disabled",
  });
  useCopilotReadable({
    description: "Modules available in this workspace",
    value: useMemo(
      () => modules.map(({ slug, name, singular }) => ({ slug, name: label(singular), pluralName: name })),
      [modules],
    ),
  });
  const today = localDate(new Date());
  useCopilotReadable({
    description: "Current date and time for relative date calculations",
    value: useMemo(() => dateContext(), [today]),
  });
}

function pageContext(page: Page, modules: Module[], recordName: string | undefined) {
  if (page.type === "dashboard") return { pageType: page.type };
  const where = { pageType: page.type, moduleSlug: page.slug, moduleName: moduleNamed(modules, page.slug)?.name };
  return page.type === "moduleList" ? { ...where, filters: page.filters } : { ...where, recordId: page.id, recordName };
}

function dateContext() {
  const now = new Date();
  const tomorrow = new Date(now);
  tomorrow.setDate(tomorrow.getDate() + 1);
  return {
    currentDate: localDate(now),
    tomorrow: localDate(tomorrow),
    timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    dayOfWeek: now.toLocaleDateString("en-US", { weekday: "long" }),
  };
}

/* ---- Where it may lead ---- */

const NAVIGATION = {
  handlesNavigation: true,
  routes: [
    { path: "/", name: "Dashboard" },
    { path: "/modules/{module}", name: "The list of a module" },
    { path: "/modules/{module}/records/{id}", name: "A record" },
  ],
};

/** Goes where the server's actions lead, which were told that this page does. */
function useNavigation() {
  const { agent } = useAgent({ updates: [] });
  const go = useGoFromChat();
  const latest = useRef(go);
  latest.current = go;
  useCopilotReadable({ description: "Routes of this application", value: NAVIGATION });
  useEffect(() => {
    const subscription = agent.subscribe({
      onCustomEvent: ({ event }) => {
        const page = event.name === "navigate" ? pageAt(String(event.value.link)) : undefined;
        if (page) latest.current(page);
      },
    });
    return () => subscription.unsubscribe();
  }, [agent]);
}

/* ---- What it may do on the page ---- */

const done = (message: string) => ({ success: true, message });
const failed = (error: string, message: string) => ({ success: false, error, message });

function usePageActions() {
  const { api, modules, page, highlight } = useApp();
  const go = useGoFromChat();
  const slugs = modules.map((module) => module.slug);

  useCopilotAction(
    {
      name: "openRecord",
      description: "Open the page of one record, given its name or id",
      parameters: [
        { name: "record", type: "string", description: "Name or id of the record", required: true },
        { name: "moduleSlug", type: "string", description: "The module it is in", enum: slugs, required: false },
      ],
      handler: async ({ record, moduleSlug }) => {
        const found = await findRecord(api, modules, record, moduleSlug);
        if (found.length !== 1) return notOne(record, found);
        const [one] = found as [Hit];
        go({ type: "moduleRecord", slug: one.module.slug, id: one.record.id });
        return done(`The ${one.module.singular} “${one.record.title}” is open.`);
      },
    },
    [slugs],
  );

  useCopilotAction(
    {
      name: "setFilter",
      description: "Show the list of a module on the page, filtered by the value of one field",
      parameters: [
        { name: "moduleSlug", type: "string", description: "The module to show", enum: slugs, required: true },
        { name: "field", type: "string", description: "Field to filter by", required: true },
        { name: "value", type: "string", description: "Value to show; empty removes the filter", required: true },
      ],
      handler: ({ moduleSlug, field, value }) => {
        const module = moduleNamed(modules, moduleSlug);
        const chosen = module?.fields.find((one) => one.name === field);
        if (!module || !chosen) return failed("not_found", notFiltered(modules, module, moduleSlug, field));
        if (value && chosen.options && !chosen.options.includes(value)) {
          return failed("validation_error", `The '${field}' field must be one of: ${chosen.options.join(", ")}.`);
        }
        const shown = page.type === "moduleList" && page.slug === module.slug ? page.filters : {};
        const { [field]: _, ...rest } = shown;
        go({ type: "moduleList", slug: module.slug, filters: value ? { ...rest, [field]: value } : rest });
        return done(`${label(field)} is ${value ? `filtered: ${words(value)}` : "no longer filtered"}.`);
      },
    },
    [slugs],
  );

  useCopilotAction({
    name: "highlightRecord",
    description: "Make one record stand out on the visible page",
    parameters: [{ name: "recordId", type: "string", description: "Id of the record", required: true }],
    handler: ({ recordId }) => {
      highlight(recordId);
      return done("It is highlighted if it is on the page.");
    },
  });

  useCopilotAction({
    name: "chooseRecord",
    description: "Let the user choose when several records could be meant. Answers with the chosen id.",
    parameters: [
      { name: "question", type: "string", description: "What is asked", required: true },
      {
        name: "options",
        type: "object[]",
        description: "The records to choose from",
        attributes: [
          { name: "id", type: "string", description: "Id of the record" },
          { name: "label", type: "string", description: "Its name, with what tells it apart" },
        ],
        required: true,
      },
    ],
    renderAndWaitForResponse: ({ args, respond, result }) => (
      <ChoiceCard question={args.question} options={args.options} respond={respond} chosen={result} />
    ),
  });
}

function notFiltered(modules: Module[], module: Module | undefined, slug: string, field: string) {
  if (!module) return `There is no module ${slug}; there are ${modules.map((one) => one.slug).join(", ")}.`;
  return `${module.name} have no field ${field}; there are ${module.fields.map((one) => one.name).join(", ")}.`;
}

interface Hit {
  module: Module;
  record: CrmRecord;
}

/** The records that a name or an id could mean, those of the module first if one is given. */
async function findRecord(api: Api, modules: Module[], wanted: string, slug: string | undefined): Promise<Hit[]> {
  for (const place of slug ? [slug, undefined] : [undefined]) {
    const { records } = await api.search(wanted, place).catch(() => ({ records: [] }));
    const hits = records.flatMap((record) => {
      const module = moduleNamed(modules, record.module);
      return module ? [{ module, record }] : [];
    });
    const exact = hits.filter(({ record }) => record.title.toLowerCase() === wanted.toLowerCase());
    if (hits.length) return exact.length ? exact : hits;
  }
  const byId = await Promise.all(modules.map(async (module) => ({ module, record: await api.record(module, wanted) })));
  return byId.filter((hit): hit is Hit => hit.record !== undefined);
}

function notOne(wanted: string, found: Hit[]) {
  if (!found.length) return failed("not_found", `Nothing is called “${wanted}”.`);
  const options = found.slice(0, 8).map(({ module, record }) => ({
    id: record.id,
    label: `${record.title} (${module.singular})`,
  }));
  return { ...failed("ambiguous", `${found.length} records could be meant by “${wanted}”.`), data: { options } };
}

/* ---- What it changed ---- */

/** Reads the visible page again when an action that writes has answered. */
function useChanges(onRunEnded: () => void) {
  const { actions, changed } = useApp();
  const { agent } = useAgent({ updates: [] });
  const latest = useRef({ changed, onRunEnded });
  latest.current = { changed, onRunEnded };
  useEffect(() => {
    const writes = new Set(actions.filter((action) => action.writes).map((action) => action.name));
    const subscription = agent.subscribe({
      onToolCallResultEvent: ({ event, messages }) => {
        const calls = messages.flatMap((message) => (message.role === "assistant" ? (message.toolCalls ?? []) : []));
        const call = calls.find((one) => one.id === event.toolCallId);
        if (call && writes.has(call.function.name)) latest.current.changed(recordIn(event.content));
      },
      onRunFinalized: ({ input }) => {
        if (input.messages.at(-1)?.role === "user") latest.current.onRunEnded();
      },
    });
    return () => subscription.unsubscribe();
  }, [agent, actions]);
}

function recordIn(content: unknown): string | undefined {
  try {
    const { recordId } = JSON.parse(String(content));
    return typeof recordId === "string" ? recordId : undefined;
  } catch {
    return undefined;
  }
}

/* ---- What one could ask ---- */

function useSuggestions(recordName: string | undefined) {
  const { actions, modules, page } = useApp();
  const writes = actions.some((action) => action.writes);
  const suggestions = suggestionsFor(page, modules, recordName, writes).map((message) => ({ title: message, message }));
  useCopilotChatSuggestions({ suggestions, available: "always" }, [JSON.stringify(suggestions)]);
}

function suggestionsFor(page: Page, modules: Module[], recordName: string | undefined, writes: boolean): string[] {
  const module = page.type === "dashboard" ? modules[0] : moduleNamed(modules, page.slug);
  if (!module) return ["What can you do?"];
  const many = words(module.name);
  const writable = writes && !module.readOnly;
  const choice = module.fields.find((field) => field.type === "enum" && field.options?.length);
  const option = choice?.options?.at(page.type === "moduleRecord" ? 1 : 0);
  const date = module.fields.find((field) => field.type === "date");

  if (page.type === "moduleRecord") {
    if (!recordName) return [];
    const [related] = modules.flatMap((other) =>
      other.fields.filter((field) => field.module === module.slug).map((field) => ({ other, field })),
    );
    return [
      ...(related ? [`Show ${words(related.other.name)} whose ${words(related.field.name)} is ${recordName}`] : []),
      ...(choice && option && writable ? [`Set the ${words(choice.name)} to ${words(option)}`] : []),
      `Find what mentions ${recordName}`,
    ];
  }
  return [
    ...(date ? [`Show ${many} with ${words(date.name)} this week`] : []),
    ...(choice && option ? [`How many ${many} are ${words(option)}?`] : []),
    ...(page.type === "moduleList" && writable ? [`Add a new ${module.singular}`] : []),
    ...(page.type === "dashboard" ? ["What can you do?"] : []),
  ];
}
