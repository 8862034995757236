import { describe, expect, test } from "vitest";
import { named, visibleText, written } from "../../../../src/platform/html/text.ts";

describe("a name of a caller", () => {
  test.each([
    ["markup", `<a href='x' title="y">&`, "<bdi>&lt;a href=&#39;x&#39; title=&quot;y&quot;&gt;&amp;</bdi>"],
    ["an override of its direction", "a\u202Eb\u2069", "<bdi>a⟨U+202E⟩b⟨U+2069⟩</bdi>"],
    ["a character without width", "US\u200B_MSFT\uFEFF", "<bdi>US⟨U+200B⟩_MSFT⟨U+FEFF⟩</bdi>"],
    ["a control character", "a\u0000\u0085\nb", "<bdi>a⟨U+0000⟩⟨U+0085⟩⟨U+000A⟩b</bdi>"],
    ["no character at all", "a\uFFFE\u{1FFFF}", "<bdi>a⟨U+FFFE⟩⟨U+1FFFF⟩</bdi>"],
    ["half a character", "a\uD800b", "<bdi>a⟨U+D800⟩b</bdi>"],
    ["letters of any script", "Zürich 東京 חשבון 🏦", "<bdi>Zürich 東京 חשבון 🏦</bdi>"],
  ])("with %s is shown as text", (_what, text, shown) => {
    expect(String(named(text))).toBe(shown);
  });
});

test("a text keeps its lines, whichever way they end, and nothing else that is unseen", () => {
  expect(String(written("a\r\nb\rc\td\u2028e"))).toBe('<bdi class="written">a\nb\nc\td⟨U+2028⟩e</bdi>');
});

test("a text for the title of a page has no element in it, and no line", () => {
  expect(visibleText("<b>\n\u202E")).toBe("<b>⟨U+000A⟩⟨U+202E⟩");
});
