// All images: listed at the start and after each event about an image.

import type { Backend, Happening } from "../backend";
import type { ImageInspect } from "../generated";
import { t, tn } from "../i18n/i18n.svelte";
import type { Container } from "./containers";
import type { Containers } from "./containers.svelte";
import type { Dialogs } from "./dialogs.svelte";
import type { Doer } from "./doer";
import { imageName, toImage, type Image } from "./images";
import { Listed } from "./listed.svelte";
import { statusWord } from "./words";

/** Actions of containers that change how many containers an image has. */
const COUNTS = new Set(["create", "remove"]);

export class Images extends Listed {
  list = $state.raw<readonly Image[]>([]);
  /** Every full name that is here, for suggestions. */
  readonly names = $derived(this.list.flatMap((image) => image.names));

  constructor(
    private readonly backend: Backend,
    private readonly doer: Doer,
    private readonly dialogs: Dialogs,
    private readonly containers: Containers,
  ) {
    super();
  }

  get(id: string): Image | undefined {
    return this.list.find((image) => image.id === id);
  }

  protected async fetch(): Promise<void> {
    this.list = (await this.backend.call("images_list", {})).map(toImage);
  }

  apply(happenings: readonly Happening[]): void {
    const stale = happenings.some((h) => {
      if (h.type !== "event") return h.type === "lagged" || h.type === "ready";
      return h.event.type === "image" || (h.event.type === "container" && COUNTS.has(h.event.action));
    });
    if (stale) void this.load();
  }

  inspect(id: string): Promise<ImageInspect> {
    return this.backend.call("image_inspect", { id });
  }

  /** The containers made from these. */
  users(images: readonly Image[]): Container[] {
    const ids = new Set(images.map((image) => image.id));
    return this.containers.list.filter((container) => ids.has(container.imageId));
  }

  /** Asks, then removes with all names. Containers made from it go too: each is named before, with its state. */
  async remove(ids: readonly string[]): Promise<boolean> {
    const targets = ids.map((id) => this.get(id)).filter((image) => image !== undefined);
    const users = this.users(targets);
    const used = users.length > 0;
    const yes = await this.dialogs.ask({
      title: tn("images.remove_title", targets.length),
      body: used ? t("images.remove_body_used") : t("images.remove_body"),
      items: targets.map(imageName),
      ...(used ? { also: { title: tn("images.remove_also", users.length), items: users.map((c) => `${c.name} · ${statusWord(c)}`) } } : {}),
      confirm: used ? `${tn("images.remove_confirm", targets.length)} ${tn("images.remove_and", users.length)}` : t("images.remove"),
      danger: true,
    });
    if (!yes) return false;
    let all = true;
    for (const image of targets) {
      // Only what was named: one made in the meantime is a reason to ask again.
      const force = users.some((container) => container.imageId === image.id);
      const names = image.names.length > 0 ? image.names : [image.id];
      const did = await this.doer.do({ words: ["rmi", ...(force ? ["-f"] : []), ...names] }, "image_remove", { id: image.id, force });
      all &&= did.ok;
    }
    return all;
  }
}
