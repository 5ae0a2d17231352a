extension Prelude {
    /// `structuredClone` (HTML, section 2.7) for the types there are here.
    static let structuredClone = #"""
        (() => {
            'use strict';
            const refuse = (what) => { throw Object.assign(new Error(what + ' cannot be cloned'), { name: 'DataCloneError' }); };
            const errors = { Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
            const wrappers = [Boolean, Number, String, BigInt];

            const clone = (value, known) => {
                if (typeof value === 'symbol' || typeof value === 'function') refuse('a ' + typeof value);
                if (typeof value !== 'object' || value === null) return value;
                if (known.has(value)) return known.get(value);
                const remember = (copy) => { known.set(value, copy); return copy; };
                for (const Wrapper of wrappers) if (value instanceof Wrapper) return remember(Object(value.valueOf()));
                if (value instanceof Date) return remember(new Date(value.getTime()));
                if (value instanceof RegExp) return remember(new RegExp(value.source, value.flags));
                if (value instanceof ArrayBuffer) return remember(value.slice(0));
                if (ArrayBuffer.isView(value)) {
                    const buffer = clone(value.buffer, known);
                    const length = value instanceof DataView ? value.byteLength : value.length;
                    return remember(new value.constructor(buffer, value.byteOffset, length));
                }
                if (value instanceof Map) {
                    const copy = remember(new Map());
                    for (const [key, item] of [...value]) copy.set(clone(key, known), clone(item, known));
                    return copy;
                }
                if (value instanceof Set) {
                    const copy = remember(new Set());
                    for (const item of [...value]) copy.add(clone(item, known));
                    return copy;
                }
                if (value instanceof Error) {
                    const copy = remember(new (errors[value.name] ?? Error)(value.message));
                    if (Object.hasOwn(value, 'cause')) copy.cause = clone(value.cause, known);
                    return copy;
                }
                if (value instanceof Promise || value instanceof WeakMap || value instanceof WeakSet) refuse('a ' + value.constructor.name);
                const copy = remember(Array.isArray(value) ? new Array(value.length) : {});
                for (const key of Object.keys(value)) {
                    Object.defineProperty(copy, key, { value: clone(value[key], known), writable: true, enumerable: true, configurable: true });
                }
                return copy;
            };
            Object.defineProperty(globalThis, 'structuredClone', {
                value: function structuredClone(value) { return clone(value, new Map()); }, writable: true, enumerable: false, configurable: true,
            });
        })();
        """#
}
