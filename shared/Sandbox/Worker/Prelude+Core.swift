extension Prelude {
    /// `tools`, `emit`, `console`, timers, time and chance; and the entries through which the native side drives a run.
    static let core = #"""
        (function (sendToHost, sendToNobody) {
            'use strict';

            let send = sendToHost;

            // What later code may have replaced by the time it is needed here. `uncurried(f)(object, ...arguments)` is `f` without a
            // look at the object's prototype.
            const { stringify } = JSON;
            const NativePromise = Promise, NativeError = Error, NativeTypeError = TypeError, NativeSyntaxError = SyntaxError, NativeDate = Date, NativeProxy = Proxy;
            const { create, defineProperty, getOwnPropertyDescriptor, keys } = Object;
            const { apply, construct } = Reflect;
            const { imul, floor, ceil, min } = Math;
            const string = String, number = Number;
            const uncurried = Function.prototype.bind.bind(Function.prototype.call);
            const then = uncurried(Promise.prototype.then);
            const slice = uncurried(String.prototype.slice);
            const toWellFormed = uncurried(String.prototype.toWellFormed);
            const toISOString = uncurried(Date.prototype.toISOString);
            const dateToString = uncurried(Date.prototype.toString);
            const bigIntToString = uncurried(BigInt.prototype.toString);
            const numberToString = uncurried(Number.prototype.toString);
            const padStart = uncurried(String.prototype.padStart);

            // Descriptors inherit nothing: a `get` on the prototype of all objects would make every definition fail.
            const define = (object, name, value) =>
                defineProperty(object, name, { __proto__: null, value, writable: true, enumerable: false, configurable: true });
            const put = (list, index, value) =>
                defineProperty(list, index, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
            // `instanceof` would ask the type's own Symbol.hasInstance.
            const hasInstance = uncurried(Function.prototype[Symbol.hasInstance]);
            const isInstance = (type, value) => {
                try { return hasInstance(type, value); } catch { return false; }
            };
            const isError = (value) => isInstance(NativeError, value);
            const code = (letter) => letter.charCodeAt(0);
            const frames = {
                call: code('c'), askWakeUp: code('w'), cancelWakeUp: code('k'), log: code('l'), emit: code('e'), returned: code('d'), threw: code('x'),
            };

            // What would give a program threads, compilers, another realm or a look at the collector: none has a use here, and the last
            // three would let the same program with the same answers behave differently.
            for (const name of ['WebAssembly', 'SharedArrayBuffer', 'Atomics', 'ShadowRealm', 'WeakRef', 'FinalizationRegistry']) delete globalThis[name];

            // Time stands still between answers from the host: a program that is run again with the same answers sees the same times.
            let startTime = 0, elapsed = 0;
            const milliseconds = () => floor((startTime + elapsed) / 1000);
            const ProgramDate = function Date(year, month, date, hours, minutes, seconds, ms) {
                if (new.target === undefined) return dateToString(new NativeDate(milliseconds()));
                return construct(NativeDate, arguments.length === 0 ? [milliseconds()] : arguments, new.target);
            };
            defineProperty(ProgramDate, 'prototype', { value: NativeDate.prototype, writable: false });
            define(ProgramDate, 'now', function now() { return milliseconds(); });
            define(ProgramDate, 'parse', NativeDate.parse);
            define(ProgramDate, 'UTC', NativeDate.UTC);
            define(NativeDate.prototype, 'constructor', ProgramDate);
            define(globalThis, 'Date', ProgramDate);
            const formats = Intl.DateTimeFormat.prototype;
            const nativeFormat = uncurried(getOwnPropertyDescriptor(formats, 'format').get), nativeParts = uncurried(formats.formatToParts);
            defineProperty(formats, 'format', {
                configurable: true,
                get() {
                    const format = nativeFormat(this);
                    return (date) => format(date === undefined ? milliseconds() : date);
                },
            });
            define(formats, 'formatToParts', function formatToParts(date) { return nativeParts(this, date === undefined ? milliseconds() : date); });
            const performance = create(null);
            defineProperty(performance, 'timeOrigin', { get: () => startTime / 1000, enumerable: true });
            define(performance, 'now', () => elapsed / 1000);
            define(globalThis, 'performance', performance);

            // xoshiro128**, whose state is filled from the seed by splitmix32 (both by Blackman and Vigna; public domain).
            let s0 = 1, s1 = 2, s2 = 3, s3 = 4;
            const seedRandom = (high, low) => {
                let state = low ^ imul(high, 0x9e3779b9);
                const next = () => {
                    state = (state + 0x9e3779b9) | 0;
                    let z = state ^ (state >>> 16);
                    z = imul(z, 0x21f0aaad);
                    z = imul(z ^ (z >>> 15), 0x735a2d97);
                    return (z ^ (z >>> 15)) | 0;
                };
                s0 = next() ^ high; s1 = next(); s2 = next() ^ low; s3 = next() | 1;
                for (let i = 0; i < 16; i++) random32();
            };
            const random32 = () => {
                const product = imul(s1, 5), result = imul((product << 7) | (product >>> 25), 9), t = s1 << 9;
                s2 ^= s0; s3 ^= s1; s1 ^= s2; s0 ^= s3; s2 ^= t;
                s3 = (s3 << 11) | (s3 >>> 21);
                return result >>> 0;
            };
            define(Math, 'random', function random() {
                const high = random32() >>> 5, low = random32() >>> 6;
                return (high * 67108864 + low) / 9007199254740992;
            });
            const hex32 = () => padStart(numberToString(random32(), 16), 8, '0');
            const typedArray = Object.getPrototypeOf(Uint8Array.prototype), NativeBytes = Uint8Array;
            const getter = (name) => uncurried(getOwnPropertyDescriptor(typedArray, name).get);
            const bufferOf = getter('buffer'), offsetOf = getter('byteOffset'), lengthOf = getter('byteLength');
            const crypto = create(null);
            define(crypto, 'randomUUID', () => {
                const a = hex32(), b = hex32(), c = hex32(), d = hex32();
                const variant = '89ab'[random32() & 3];
                return a + '-' + slice(b, 0, 4) + '-4' + slice(b, 5, 8) + '-' + variant + slice(c, 1, 4) + '-' + slice(c, 4, 8) + d;
            });
            define(crypto, 'getRandomValues', (array) => {
                const bytes = new NativeBytes(bufferOf(array), offsetOf(array), lengthOf(array));
                if (lengthOf(bytes) > 65536) throw new NativeTypeError('getRandomValues fills at most 65536 bytes at once');
                for (let i = 0; i < lengthOf(bytes); i++) bytes[i] = random32();
                return array;
            });
            define(globalThis, 'crypto', crypto);

            // Values cross to the host as JSON. What JSON has no word for gets one here: a Map with string keys is an object, another
            // Map a list of pairs, a Set and a typed array a list, an Error its name, message and own properties; a Date has its
            // toISOString already. Functions, symbols and undefined are left out, as JSON.stringify does.
            const forEachOfMap = uncurried(Map.prototype.forEach), forEachOfSet = uncurried(Set.prototype.forEach);
            define(Map.prototype, 'toJSON', function toJSON() {
                let allStrings = true, count = 0;
                const object = create(null), pairs = [];
                forEachOfMap(this, (value, key) => {
                    if (typeof key !== 'string') allStrings = false;
                    else object[key] = value;
                    put(pairs, count++, [key, value]);
                });
                return allStrings ? object : pairs;
            });
            define(Set.prototype, 'toJSON', function toJSON() {
                let count = 0;
                const list = [];
                forEachOfSet(this, (value) => { put(list, count++, value); });
                return list;
            });
            const lengthOfArray = getter('length');
            define(typedArray, 'toJSON', function toJSON() {
                if (lengthOfArray(this) > 0 && typeof this[0] === 'bigint') throw new NativeTypeError('a BigInt cannot be JSON: convert it with Number() or String()');
                const list = [];
                for (let i = 0; i < lengthOfArray(this); i++) put(list, i, this[i]);
                return list;
            });
            define(NativeError.prototype, 'toJSON', function toJSON() {
                const object = create(null);
                object.name = this.name;
                object.message = this.message;
                const own = keys(this);
                for (let i = 0; i < own.length; i++) object[own[i]] = this[own[i]];
                return object;
            });
            const toJSONText = (value, what) => {
                try {
                    return stringify(value);
                } catch (error) {
                    let reason = '';
                    try { reason = string(error.message); } catch {}
                    throw new NativeTypeError(what + ' cannot be sent as JSON: ' + reason);
                }
            };

            const errorText = (error) => {
                try {
                    const name = string(error.name), message = string(error.message);
                    return message === '' ? name : name + ': ' + message;
                } catch {
                    return 'Error';
                }
            };
            const maxTextLength = 65536, maxShownDepth = 64;
            // How console shows a value. Unlike stringify it never throws, and it shows what JSON cannot.
            const show = (value) => {
                switch (typeof value) {
                case 'string': return value;
                case 'bigint': return bigIntToString(value) + 'n';
                case 'symbol': case 'undefined': case 'boolean': case 'number': return string(value);
                case 'function': return '[function]';
                }
                try {
                    if (isError(value)) return errorText(value);
                    if (isInstance(NativeDate, value)) return toISOString(value);
                    const path = create(null);
                    let depth = 0;
                    const text = stringify(value, function (key, item) {
                        if (typeof item === 'bigint') return bigIntToString(item) + 'n';
                        if (typeof item !== 'object' || item === null) return item;
                        while (depth > 0 && path[depth - 1] !== this) depth--;
                        for (let i = 0; i < depth; i++) if (path[i] === item) return '[circular]';
                        if (depth === maxShownDepth) return '[nested too deeply]';
                        path[depth++] = item;
                        return item;
                    });
                    return text === undefined ? '[object]' : text;
                } catch {
                    return '[object that cannot be shown]';
                }
            };
            const log = (level, values) => {
                let text = '';
                for (let i = 0; i < values.length && text.length <= maxTextLength; i++) text += (i === 0 ? '' : ' ') + show(values[i]);
                if (text.length > maxTextLength) text = slice(text, 0, maxTextLength) + '… [cut]';
                send(frames.log, level, toWellFormed(text));
            };
            const levels = { debug: 0, trace: 0, info: 1, dir: 2, dirxml: 2, group: 2, groupCollapsed: 2, log: 2, table: 2, warn: 3, error: 4 };
            const console = create(null);
            for (const name of keys(levels)) define(console, name, (...values) => { log(levels[name], values); });
            define(console, 'assert', (condition, ...values) => {
                if (!condition) log(4, values.length === 0 ? ['Assertion failed'] : values);
            });
            for (const name of ['groupEnd', 'time', 'timeEnd', 'timeLog', 'count', 'countReset', 'clear']) define(console, name, () => {});
            define(globalThis, 'console', console);

            define(globalThis, 'emit', function emit(value) {
                const text = toJSONText(value, 'The value given to emit');
                send(frames.emit, text === undefined ? 'null' : text);
            });
            define(globalThis, 'fetch', function fetch() {
                throw new NativeError('fetch is disabled: programs have no network. Call an API through tools.<integration>…; tools.search finds it.');
            });

            // A call sends its path and first argument and waits for the host. The error of a rejection is made when the call is, so that
            // its stack names the line of the call.
            const pendingCalls = create(null);
            let lastCall = 0, openCalls = 0;
            const callTool = (path, values) => new NativePromise((fulfil, reject) => {
                const error = new NativeError();
                const refuse = (message) => {
                    define(error, 'name', 'TypeError');
                    define(error, 'message', message);
                    reject(error);
                };
                if (path === '') return refuse('tools is not a tool itself: the path is missing, as in tools.search({ query: "…" })');
                if (path.length > 1024) return refuse('the path of a tool has at most 1024 characters');
                let argument;
                try {
                    argument = toJSONText(values.length > 0 ? values[0] : undefined, 'The argument of tools.' + path);
                } catch (fault) {
                    return refuse(fault.message);
                }
                const pending = { fulfil, reject, error };
                const call = lastCall + 1;
                // Nothing is noted before it is sent: on a full stack each of these steps may throw, and calls are counted on both sides.
                send(frames.call, call, toWellFormed(path), argument === undefined ? '' : argument);
                lastCall = call;
                openCalls++;
                pendingCalls[call] = pending;
            });
            const takeCall = (call) => {
                const pending = pendingCalls[call];
                if (pending !== undefined) {
                    delete pendingCalls[call];
                    openCalls--;
                }
                return pending;
            };
            const readOnly = () => { throw new NativeTypeError('tools cannot be changed'); };
            const makeTools = (path) => {
                const members = create(null);
                return new NativeProxy(() => {}, {
                    __proto__: null,
                    get(target, key) {
                        // Neither a promise nor anything that converts itself, whatever is read from it.
                        if (typeof key !== 'string' || key === 'then' || key === 'toJSON') return undefined;
                        return members[key] ??= makeTools(path === '' ? key : path + '.' + key);
                    },
                    apply(target, receiver, values) { return callTool(path, values); },
                    has(target, key) { return typeof key === 'string' && key !== 'then' && key !== 'toJSON'; },
                    ownKeys() { throw new NativeTypeError('tools cannot be listed: find tools with tools.search({ query: "…" })'); },
                    getOwnPropertyDescriptor: () => undefined,
                    getPrototypeOf: () => null,
                    setPrototypeOf: readOnly,
                    set: readOnly,
                    defineProperty: readOnly,
                    deleteProperty: readOnly,
                    preventExtensions: readOnly,
                });
            };
            defineProperty(globalThis, 'tools', { value: makeTools(''), writable: false, enumerable: false, configurable: false });

            // A timer asks the host for a wake-up, an answer that moves the clock like every other. Which timer it fires is decided here:
            // the one due first by the program's clock. So the order does not depend on how fast the program and the host happen to be.
            const timers = create(null);
            let lastTimer = 0, lastWakeUp = 0, openTimers = 0;
            const arm = (timer) => {
                const due = min(ceil(elapsed / 1000) + timer.span, 4294967295), wakeUp = lastWakeUp + 1;
                // As with calls: on a full stack this may throw, before anything is sent.
                send(frames.askWakeUp, wakeUp, due);
                lastWakeUp = wakeUp;
                timer.due = due;
                timer.wakeUp = wakeUp;
            };
            const startTimer = (callback, delay, values, repeats) => {
                if (typeof callback !== 'function') throw new NativeTypeError('a timer needs a function');
                const wait = number(delay), span = wait > 0 ? min(floor(wait), 2147483647) : 0;
                const timer = { number: ++lastTimer, callback, values, span, repeats, due: 0, wakeUp: 0 };
                arm(timer);
                timers[timer.number] = timer;
                openTimers++;
                return timer.number;
            };
            const clearTimer = (number) => {
                const timer = typeof number === 'number' ? timers[number] : undefined;
                if (timer === undefined) return;
                delete timers[number];
                openTimers--;
                send(frames.cancelWakeUp, timer.wakeUp);
            };
            const nextTimer = () => {
                let next;
                for (const number in timers) {
                    const timer = timers[number];
                    if (next === undefined || timer.due < next.due || (timer.due === next.due && timer.wakeUp < next.wakeUp)) next = timer;
                }
                return next !== undefined && next.due * 1000 <= elapsed ? next : undefined;
            };
            define(globalThis, 'setTimeout', function setTimeout(callback, delay, ...values) { return startTimer(callback, delay, values, false); });
            define(globalThis, 'setInterval', function setInterval(callback, delay, ...values) { return startTimer(callback, delay, values, true); });
            define(globalThis, 'clearTimeout', function clearTimeout(timer) { clearTimer(timer); });
            define(globalThis, 'clearInterval', function clearInterval(timer) { clearTimer(timer); });
            const settled = NativePromise.resolve();
            define(settled, 'constructor', undefined);
            define(globalThis, 'queueMicrotask', function queueMicrotask(callback) {
                if (typeof callback !== 'function') throw new NativeTypeError('queueMicrotask needs a function');
                then(settled, () => { callback(); });
            });

            let hasEnded = false;
            const returned = (value) => {
                if (hasEnded) return;
                let text;
                try {
                    text = toJSONText(value, 'The result');
                } catch (error) {
                    return threw(error);
                }
                hasEnded = true;
                send(frames.returned, text === undefined ? '' : text);
            };
            const threw = (error) => {
                if (hasEnded) return;
                hasEnded = true;
                let name = 'Thrown', message = '', stack = '';
                if (isError(error)) {
                    // Each by itself, since any of them may be the program's own and throw.
                    name = 'Error';
                    try { name = string(error.name); } catch {}
                    try { message = string(error.message); } catch {}
                    try { stack = string(error.stack); } catch {}
                } else {
                    message = show(error);
                }
                send(frames.threw, toWellFormed(slice(name, 0, 256)), toWellFormed(slice(message, 0, 32768)), toWellFormed(slice(stack, 0, 16384)));
            };

            let unhandledCount = 0;
            return {
                // Before and after a rehearsal: everything is as it was, and frames go nowhere or to the host.
                reset(isRehearsal) {
                    send = isRehearsal ? sendToNobody : sendToHost;
                    elapsed = lastCall = openCalls = lastTimer = lastWakeUp = openTimers = unhandledCount = 0;
                    hasEnded = false;
                    for (const call in pendingCalls) delete pendingCalls[call];
                    for (const timer in timers) delete timers[timer];
                },
                begin(program, start, seedHigh, seedLow) {
                    startTime = start;
                    seedRandom(seedHigh | 0, seedLow | 0);
                    const promise = program();
                    // `then` asks a promise for its constructor, and the program may have replaced the one on the prototype by now.
                    define(promise, 'constructor', undefined);
                    then(promise, returned, threw);
                },
                fulfil(now, call, value) {
                    elapsed = now;
                    takeCall(call)?.fulfil(value);
                },
                reject(now, call, name, message) {
                    elapsed = now;
                    const pending = takeCall(call);
                    if (pending === undefined) return;
                    define(pending.error, 'name', name);
                    define(pending.error, 'message', message);
                    pending.reject(pending.error);
                },
                wakeUp(now) {
                    elapsed = now;
                    const timer = nextTimer();
                    // The one that was meant has been cleared in the meantime.
                    if (timer === undefined) return;
                    if (timer.repeats) {
                        arm(timer);
                    } else {
                        delete timers[timer.number];
                        openTimers--;
                    }
                    try {
                        apply(timer.callback, undefined, timer.values);
                    } catch (error) {
                        // Nobody could ever catch it; going on without it would hide it.
                        threw(error);
                    }
                },
                fail(error) {
                    // What only the engine finds wrong with a text (a regular expression, say) has a line but no frame of its own. The
                    // column lies behind whatever stands in that line.
                    if (isInstance(NativeSyntaxError, error) && error.sourceURL === 'code.ts') {
                        define(error, 'stack', 'code.ts:' + string(error.line) + ':1000000');
                    }
                    threw(error);
                },
                state() { return hasEnded ? 0 : openCalls > 0 || openTimers > 0 ? 1 : 2; },
                unhandled(promise, reason) {
                    if (hasEnded || ++unhandledCount > 20) return;
                    log(3, ['A promise was rejected while nothing awaited it: ' + show(reason)]);
                },
            };
        })
        """#
}
