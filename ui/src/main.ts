import "./styles/fonts.css";
import { mount } from "svelte";
import AppView from "./App.svelte";
import { connect } from "./lib/backend";
import { App } from "./lib/state/app.svelte";
import "./styles/tokens.css";
import "./styles/base.css";

const target = document.getElementById("app");
if (target) {
  const app = new App(await connect());
  mount(AppView, { target, props: { app } });
}
