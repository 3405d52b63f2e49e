// A container's state in words.

import type { ContainerStatus } from "../../lib/generated";
import { t } from "../../lib/i18n/i18n.svelte";
import type { MessageKey } from "../../lib/i18n/messages";
import { hasFailed, type Container } from "../../lib/state/containers";

const WORDS: Record<ContainerStatus, MessageKey> = {
  created: "containers.status_created",
  running: "containers.status_running",
  paused: "containers.status_paused",
  stopping: "containers.status_stopping",
  exited: "containers.status_exited",
  removing: "containers.status_removing",
  damaged: "containers.status_damaged",
};

export function statusWord(container: Container): string {
  if (container.status === "exited" && hasFailed(container)) return t("containers.status_failed", { code: container.exitCode });
  return t(WORDS[container.status]);
}
