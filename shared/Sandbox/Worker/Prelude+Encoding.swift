extension Prelude {
    /// `TextEncoder` and `TextDecoder` for UTF-8 (Encoding Standard, sections 7 and 8), `atob` and `btoa` (HTML, section 8.3).
    static let encoding = #"""
        (() => {
            'use strict';
            const define = (name, value) => Object.defineProperty(globalThis, name, { value, writable: true, enumerable: false, configurable: true });
            const { fromCharCode } = String;

            // The bytes of any buffer source.
            const bytesOf = (source) => {
                if (source === undefined) return new Uint8Array(0);
                if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength);
                if (source instanceof ArrayBuffer) return new Uint8Array(source);
                throw new TypeError('expected an ArrayBuffer or a view of one');
            };
            const textOf = (units) => {
                let text = '';
                for (let i = 0; i < units.length; i += 8192) text += fromCharCode.apply(null, units.slice(i, i + 8192));
                return text;
            };

            class TextEncoder {
                get encoding() { return 'utf-8'; }

                encode(input = '') {
                    const text = String(input).toWellFormed();
                    const bytes = new Uint8Array(text.length * 3);
                    return bytes.slice(0, this.encodeInto(text, bytes).written);
                }

                encodeInto(source, bytes) {
                    const text = String(source).toWellFormed();
                    let read = 0, written = 0;
                    while (read < text.length) {
                        const point = text.codePointAt(read);
                        const size = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
                        if (written + size > bytes.length) break;
                        if (size === 1) {
                            bytes[written++] = point;
                        } else {
                            bytes[written++] = (0xf00 >> size) & 0xff | point >> 6 * (size - 1);
                            for (let rest = size - 2; rest >= 0; rest--) bytes[written++] = 0x80 | point >> 6 * rest & 0x3f;
                        }
                        read += size === 4 ? 2 : 1;
                    }
                    return { read, written };
                }
            }

            class TextDecoder {
                #fatal; #ignoreBOM; #pending = []; #hasBegun = false;

                constructor(label = 'utf-8', { fatal = false, ignoreBOM = false } = {}) {
                    if (!['utf-8', 'utf8', 'unicode-1-1-utf-8'].includes(String(label).trim().toLowerCase())) {
                        throw new RangeError('TextDecoder knows utf-8 only');
                    }
                    this.#fatal = Boolean(fatal);
                    this.#ignoreBOM = Boolean(ignoreBOM);
                }

                get encoding() { return 'utf-8'; }
                get fatal() { return this.#fatal; }
                get ignoreBOM() { return this.#ignoreBOM; }

                decode(input, { stream = false } = {}) {
                    const added = bytesOf(input);
                    let bytes = added;
                    if (this.#pending.length > 0) {
                        bytes = new Uint8Array(this.#pending.length + added.length);
                        bytes.set(this.#pending);
                        bytes.set(added, this.#pending.length);
                    }
                    this.#pending = [];
                    const units = [];
                    let i = 0;
                    while (i < bytes.length) {
                        const first = bytes[i];
                        if (first < 0x80) { units.push(first); i++; continue; }
                        const length = first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
                        let point = first & (0xff >> length + 1), used = 1;
                        // The second byte excludes overlong forms, surrogates and what is beyond Unicode.
                        const lowest = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80, highest = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
                        while (used < length && i + used < bytes.length) {
                            const byte = bytes[i + used];
                            if (used === 1 ? byte < lowest || byte > highest : (byte & 0xc0) !== 0x80) break;
                            point = point << 6 | byte & 0x3f;
                            used++;
                        }
                        if (length > 0 && used === length) {
                            if (point > 0xffff) units.push(0xd7c0 + (point >> 10), 0xdc00 + (point & 0x3ff));
                            else units.push(point);
                        } else if (length > 0 && stream && i + used === bytes.length) {
                            this.#pending = Array.from(bytes.subarray(i));
                        } else if (this.#fatal) {
                            this.#hasBegun = false;
                            throw new TypeError('the bytes are not valid UTF-8');
                        } else {
                            units.push(0xfffd);
                        }
                        i += used;
                    }
                    const isFirst = !this.#hasBegun;
                    this.#hasBegun = stream && (this.#hasBegun || units.length > 0);
                    if (isFirst && units[0] === 0xfeff && !this.#ignoreBOM) units.shift();
                    return textOf(units);
                }
            }

            const fault = (message) => Object.assign(new Error(message), { name: 'InvalidCharacterError' });
            define('TextEncoder', TextEncoder);
            define('TextDecoder', TextDecoder);
            define('btoa', function btoa(input) {
                const text = String(input), bytes = new Uint8Array(text.length);
                for (let i = 0; i < text.length; i++) {
                    const unit = text.charCodeAt(i);
                    if (unit > 0xff) throw fault('btoa takes characters up to U+00FF; encode others with TextEncoder first');
                    bytes[i] = unit;
                }
                return bytes.toBase64();
            });
            define('atob', function atob(input) {
                let text = String(input).replace(/[\t\n\f\r ]+/g, '');
                if (text.length % 4 === 0) text = text.replace(/==?$/, '');
                if (text.length % 4 === 1 || /[^A-Za-z0-9+/]/.test(text)) throw fault('the text is not base64');
                return textOf(Uint8Array.fromBase64(text));
            });
        })();
        """#
}
