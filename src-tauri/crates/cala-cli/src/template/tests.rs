//! A table of templates with what Go prints for them, and a test that nothing makes the engine panic.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Serialize;

use super::{Template, Value};

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Container {
    name: String,
    id: String,
    state: State,
    args: Vec<String>,
    labels: BTreeMap<String, String>,
    count: i64,
    ratio: f64,
    #[serde(rename = "OOMKilled")]
    oom_killed: bool,
    entrypoint: Option<Vec<String>>,
    mounts: Vec<Mount>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    status: String,
    pid: i32,
    running: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Mount {
    source: String,
    destination: String,
    options: Vec<String>,
}

fn data() -> Value {
    Value::of(&Container {
        name: "web".into(),
        id: "0123456789abcdef".into(),
        state: State { status: "running".into(), pid: 7, running: true },
        args: vec!["sleep".into(), "1000".into()],
        labels: BTreeMap::from([("a".into(), "b".into()), ("c".into(), "d".into())]),
        count: 3,
        ratio: 1.5,
        oom_killed: false,
        entrypoint: None,
        mounts: vec![Mount {
            source: "/tmp".into(),
            destination: "/mnt".into(),
            options: vec!["rbind".into()],
        }],
    })
}

fn render(template: &str) -> String {
    match Template::parse("t", template).and_then(|template| template.render(&data())) {
        Ok(text) => text,
        Err(error) => error.to_string(),
    }
}

#[test]
fn templates_print_what_go_prints() {
    for (template, expected) in [
        ("", ""),
        ("plain", "plain"),
        ("{{.Name}}", "web"),
        ("{{ .Name }}/{{.State.Status}}", "web/running"),
        ("{{.state.status}}", "running"),
        ("{{.Args}} {{.Labels}}", "[sleep 1000] map[a:b c:d]"),
        ("{{.Mounts}}", "[{/tmp /mnt [rbind]}]"),
        ("{{.State}}", "{running 7 true}"),
        ("{{json .State}}", r#"{"Status":"running","Pid":7,"Running":true}"#),
        ("{{json .Args}} {{json .Entrypoint}} {{.Name | json}}", r#"["sleep","1000"] null "web""#),
        ("{{range .Args}}<{{.}}>{{end}}", "<sleep><1000>"),
        ("{{range $i, $a := .Args}}{{$i}}={{$a}} {{end}}", "0=sleep 1=1000 "),
        ("{{range $k, $v := .Labels}}{{$k}}={{$v}};{{end}}", "a=b;c=d;"),
        ("{{range .Entrypoint}}x{{else}}none{{end}}", "none"),
        ("{{range .Args}}{{if eq . \"1000\"}}{{break}}{{end}}{{.}}{{end}}", "sleep"),
        ("{{range .Args}}{{if eq . \"sleep\"}}{{continue}}{{end}}{{.}}{{end}}", "1000"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{if .State.Running}}up{{else}}down{{end}}", "up"),
        ("{{if .OOMKilled}}oom{{else if eq .Count 3}}three{{else}}x{{end}}", "three"),
        ("{{with .State}}{{.Pid}} {{$.Name}}{{end}}", "7 web"),
        ("{{with .Entrypoint}}x{{else}}none{{end}}", "none"),
        ("{{with .Entrypoint}}x{{else with .Name}}{{.}}{{end}}", "web"),
        ("{{$x := .Name}}{{$x}}{{$x = \"y\"}}{{$x}}", "weby"),
        ("{{$x := 1}}{{range .Args}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("a {{- .Name -}} b", "awebb"),
        ("a {{/* comment */}} b {{- /* trimmed */ -}} c", "a  bc"),
        ("{{print 1 2 \"a\" 3}}", "1 2a3"),
        ("{{println .Name 1}}", "web 1\n"),
        (
            "{{printf \"%s %d %5d|%-5s|%05d %v %q %t %x %.2f %%\" .Name 7 7 \"ab\" 42 .Args .Name true 255 .Ratio}}",
            "web 7     7|ab   |00042 [sleep 1000] \"web\" true ff 1.50 %",
        ),
        ("{{printf \"%d\" .Name}}{{printf \"%s\"}}", "%!d(string=web)%!s(MISSING)"),
        ("{{len .Args}} {{len .Name}} {{len .Labels}}", "2 3 2"),
        ("{{index .Args 1}} {{index .Labels \"a\"}}<{{index .Labels \"none\"}}>", "1000 b<>"),
        ("{{.Labels.a}} {{.Labels.none}}", "b <no value>"),
        ("{{slice .Name 1}} {{slice .Name 0 2}} {{slice .Args 1}}", "eb we [1000]"),
        ("{{join .Args \",\"}} {{split \"a:b\" \":\"}}", "sleep,1000 [a b]"),
        (
            "{{upper .Name}} {{lower \"ABC\"}} {{title \"two words\"}} {{truncate .Id 5}} <{{pad .Name 1 2}}>",
            "WEB abc Two Words 01234 < web  >",
        ),
        ("{{.Name | upper | printf \"%s-%s\" \"x\"}}", "x-WEB"),
        (
            "{{eq .Name \"a\" \"web\"}} {{ne 1 2}} {{lt 1 2}} {{le 2 2}} {{gt 1 2}} {{ge 1 2}}",
            "true true true true false false",
        ),
        ("{{and 1 0}} {{and 1 2}} {{or 0 \"x\"}} {{not true}}", "0 2 x false"),
        ("{{and .Entrypoint .Entrypoint.X}}", "<no value>"),
        ("{{(index .Mounts 0).Source}} {{(printf \"%s\" .Name) | len}}", "/tmp 3"),
        ("{{.Ratio}} {{1e3}} {{0x10}} {{'a'}} {{1e21}} {{-3}}", "1.5 1000 16 97 1e+21 -3"),
        ("{{true}} {{print nil}}", "true <nil>"),
        ("{{`raw \\n`}} {{\"a\\tb\"}}", "raw \\n a\tb"),
        ("{{html \"<a>\"}} {{urlquery \"a b&\"}} {{js \"'\"}}", "&lt;a&gt; a+b%26 \\'"),
        ("{{define \"x\"}}[{{.}}]{{end}}{{template \"x\" .Name}}", "[web]"),
        ("{{block \"y\" .State}}{{.Pid}}{{end}}", "7"),
    ] {
        let got = render(template);
        assert_eq!(got, expected, "{template}");
    }
}

#[test]
fn errors_name_the_place_and_what_is_wrong() {
    for (template, expected) in [
        (
            "{{.Nope}}",
            "template: t:1:2: executing \"t\" at <.Nope>: can't evaluate field Nope in type Container",
        ),
        (
            "x\n  {{.State.Nope}}",
            "template: t:2:4: executing \"t\" at <.State.Nope>: can't evaluate field Nope in type State",
        ),
        ("{{.Name", "template: t:1:0: unclosed action"),
        ("{{foo}}", "template: t:1:2: function \"foo\" not defined"),
        ("{{if}}", "template: t:1:4: missing value for if"),
        ("{{end}}", "template: t:1:2: unexpected {{end}}"),
        ("{{else}}", "template: t:1:2: unexpected {{else}}"),
        ("{{$x}}", "template: t:1:2: undefined variable \"$x\""),
        ("{{if .Name}}x", "template: t:1:13: unexpected EOF: {{if}} has no end"),
        ("{{break}}", "template: t:1:2: {{break}} outside {{range}}"),
        (
            "{{range .Name}}{{end}}",
            "template: t:1:8: executing \"t\" at <.Name>: range can't iterate over web",
        ),
        (
            "{{index .Args 5}}",
            "template: t:1:2: executing \"t\" at <index>: error calling index: index out of range: 5",
        ),
        (
            "{{lt 1 \"a\"}}",
            "template: t:1:2: executing \"t\" at <lt>: error calling lt: incompatible types for comparison",
        ),
        ("{{len 3}}", "template: t:1:2: executing \"t\" at <len>: error calling len: len of type int"),
        (
            "{{.Name 1}}",
            "template: t:1:2: executing \"t\" at <.Name>: .Name has arguments but cannot be invoked as function",
        ),
        ("{{nil | print}}", "template: t:1:2: nil is not a command"),
        ("{{(.Name}}", "template: t:1:0: unclosed left paren"),
        ("{{\"abc}}", "template: t:1:2: unterminated or malformed quoted string"),
        (
            "{{template \"no\"}}",
            "template: t:1:2: executing \"t\" at <template \"no\">: template \"no\" not defined",
        ),
        (
            "{{range 99999999}}{{end}}",
            "template: t:1:8: executing \"t\" at <99999999>: the template does not come to an end",
        ),
        (
            "{{define \"x\"}}{{template \"x\"}}{{end}}{{template \"x\"}}",
            "template: t:1:16: executing \"t\" at <template \"x\">: exceeded maximum template depth",
        ),
    ] {
        assert_eq!(render(template), expected, "{template}");
    }
}

#[test]
fn deep_nesting_is_refused_and_does_not_exhaust_the_stack() {
    let parens = format!("{{{{{}1{}}}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(render(&parens).contains("nested too deeply"));
    let ifs = "{{if 1}}".repeat(100_000);
    assert!(render(&ifs).contains("nested too deeply"));
    let chained = format!("{{{{if 0}}}}{}{{{{end}}}}", "{{else if 0}}".repeat(100_000));
    assert!(render(&chained).contains("nested too deeply"));
}

#[test]
fn times_print_as_go_prints_them() {
    assert_eq!(super::value::go_time("2026-11-25T02:47:44.66Z"), "2026-11-25 02:47:44.66 +0000 UTC");
    assert_eq!(super::value::go_time("2026-11-25T02:47:44+01:00"), "2026-11-25 02:47:44 +0100 +0100");
    assert_eq!(super::value::go_time(""), "");
}

proptest! {
    #[test]
    fn no_text_makes_the_engine_panic(text in ".{0,80}") {
        let _ = render(&text);
    }

    #[test]
    fn no_heap_of_tokens_makes_the_engine_panic(words in prop::collection::vec(prop::sample::select(vec![
        "{{", "}}", "{{-", "-}}", " ", ".", ".Name", ".Args", ".Labels", ".State.Pid", "$", "$x", ":=", "=", ",", "|", "(", ")",
        "if", "else", "end", "range", "with", "define", "template", "block", "break", "continue", "\"x\"", "`y`", "'c'", "1", "-2",
        "3.5", "nil", "true", "printf", "\"%*d %q %x\"", "index", "slice", "len", "eq", "and", "or", "join", "json", "pad", "truncate",
        "print", "{{/*", "*/}}", "é", "\u{1F600}",
    ]), 0..30)) {
        let _ = render(&words.concat());
        let _ = render(&format!("{{{{{}}}}}", words.join(" ")));
    }

    #[test]
    fn no_format_makes_printf_panic(format in "[%+\\-# 0-9.*vsdqxXobcefgTt\u{e9}]{0,20}", number: i64, text in ".{0,10}") {
        let _ = super::printf::printf(&format, &[Value::Int(number), Value::text(text), Value::Float(0.1), Value::Nil]);
    }
}
