/// The JavaScript that every program finds in its realm.
///
/// It is evaluated before any program, in a realm of its own for each run (a fork of the zygote's), and keeps every intrinsic it needs
/// at run time in a constant of its own: a program may replace what it likes without reaching a tool call or a result. What it
/// provides differs from what browsers do only where the code here says so.
enum Prelude {
    /// The name of these texts in stacks; the host shows frames of `code.ts` only.
    static let name = "prelude"

    /// Evaluated after ``core``, in this order. Nothing in them can reach the host.
    static let additions = [encoding, structuredClone, url]

    /// Programs that do what programs do, translated already, for ``JavaScriptEngine/warmUp()``. The first one makes two calls, of which
    /// the second is to be rejected, and waits for a timer.
    static let rehearsals = [
        #"""
        (async function() {
          "use strict";
          console.log("text", 1, { a: [1, "x"] }, new Error("e"));
          emit({ a: [1, "x"] });
          const [first] = await Promise.all([tools.a.b({ a: [1, "x"] })]);
          try {
            await tools.a.c("x");
          } catch (error) {
            console.warn(error, error.stack);
          }
          await new Promise((resolve) => setTimeout(resolve, 1));
          clearTimeout(setTimeout(() => {
          }, 1e3));
          return { first, time: Date.now(), date: new Date(), chance: Math.random() };
        });
        """#,
        #"""
        (async function() {
          "use strict";
          throw new TypeError("x");
        });
        """#,
        // Only the engine finds this wrong; the first time that it does, it looks through all libraries for one that can walk the stack.
        #"""
        (async function() {
          return /(/;
        });
        """#,
    ]

    /// Touches everything lazy once. The formats matter most: they read ICU's data from files, which a child can no longer open.
    static let warmUp = #"""
        (() => {
            [3, 1, 2].map((x) => x + 1).toSorted();
            JSON.stringify(JSON.parse('{"a":[1,"x",null,1.5e3]}'));
            new Intl.NumberFormat('en').format(1.5);
            new Intl.DateTimeFormat('en', { timeZone: 'America/New_York', dateStyle: 'full', timeStyle: 'long' }).format(new Date(0));
            new Intl.Collator('en').compare('a', 'b');
            new Intl.PluralRules('en').select(2);
            new Intl.RelativeTimeFormat('en').format(1, 'day');
            new Intl.ListFormat('en').format(['a', 'b']);
            [...new Intl.Segmenter('en').segment('ab')];
            new Date(0).toLocaleString('en', { timeZone: 'UTC' });
            new Date().getTimezoneOffset();
            'I'.toLocaleLowerCase('tr').normalize('NFC');
            /(?<year>\d+)(b)?/u.exec('1ab');
            'b'.localeCompare('a');
            new Map([[1, 2]]); new Set([1]); new Uint8Array(8); BigInt(7) * 8n;
            class Warm { #field = 1; get field() { return this.#field; } }
            new Warm().field;
            Object.groupBy([1], (x) => x);
            `${1}`.padStart(3); parseFloat('1.25'); Object.entries({ a: 1 });
            (async () => { await 0; for await (const x of [1]); })();
            try { null.field; } catch (error) { error.stack; }
            new URL('https://example.com/a?b=c#d').searchParams.get('b');
            new TextDecoder().decode(new TextEncoder().encode('ä'));
            structuredClone({ a: [1] });
            eval('1 + 1'); new Function('return 1')();
        })();
        """#
}
