import js from "@eslint/js";
import svelte from "eslint-plugin-svelte";
import globals from "globals";
import ts from "typescript-eslint";
import svelteConfig from "./svelte.config.js";

/** Who may not import whom: shared → domain → views; only state and lib reach the backend. */
const forbid = (files, group, message) => ({ files, rules: { "no-restricted-imports": ["error", { patterns: [{ group, message }] }] } });

export default ts.config(
  { ignores: ["dist", "dist-fake", "node_modules"] },
  js.configs.recommended,
  ...ts.configs.recommended,
  ...svelte.configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node } } },
  {
    files: ["**/*.svelte", "**/*.svelte.ts"],
    languageOptions: { parserOptions: { parser: ts.parser, svelteConfig, extraFileExtensions: [".svelte"] } },
  },
  {
    rules: {
      "no-undef": "off",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/no-unused-expressions": ["error", { allowShortCircuit: true, allowTernary: true }],
      eqeqeq: "error",
      "no-restricted-globals": ["error", { name: "event", message: "take the event as a parameter" }],
      // Addresses are written by state/route.ts.
      "svelte/no-navigation-without-resolve": "off",
      // Maps and sets in state are replaced, never changed.
      "svelte/prefer-svelte-reactivity": "off",
      // HTML from data never reaches the page.
      "svelte/no-at-html-tags": "error",
      "no-restricted-properties": ["error", { property: "innerHTML", message: "data is text" }],
    },
  },
  forbid(["src/components/shared/**"], ["**/container/**", "**/image/**", "**/terminal/*.svelte", "**/task/**", "**/run/**", "**/frame/**", "**/views/**"], "shared parts know no domain"),
  forbid(["src/components/**"], ["**/views/**", "**/backend/tauri", "**/backend/http", "**/backend/fake"], "views are above components; the backend is reached through the state"),
  forbid(["src/lib/**"], ["**/components/**", "**/views/**"], "the library knows no component"),
);
