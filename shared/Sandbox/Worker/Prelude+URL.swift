extension Prelude {
    /// `URL` and `URLSearchParams` after the URL Standard. One thing is left out: host names beyond ASCII are taken in lower case and
    /// Punycode, without the mapping tables of UTS 46.
    static let url = #"""
        (() => {
            'use strict';
            const specialPorts = { __proto__: null, 'http:': 80, 'https:': 443, 'ws:': 80, 'wss:': 443, 'ftp:': 21, 'file:': null };
            const isSpecial = (scheme) => scheme in specialPorts;
            const fault = (text) => { throw Object.assign(new TypeError('Invalid URL: ' + text.slice(0, 200)), { code: 'ERR_INVALID_URL' }); };

            // Percent encoding. A set is the ASCII characters that it encodes beyond controls and what is not ASCII.
            const encoder = new TextEncoder(), decoder = new TextDecoder('utf-8', { ignoreBOM: true });
            const sets = { fragment: ' "<>`', query: ' "#<>', specialQuery: ' "#<>\'', path: ' "#<>?^`{}', userinfo: ' "#<>?^`{}/:;=@[\\]|' };
            const escapeByte = (byte) => '%' + (byte < 16 ? '0' : '') + byte.toString(16).toUpperCase();
            const encode = (text, set) => {
                let result = '';
                for (const character of text) {
                    const point = character.codePointAt(0);
                    if (point > 0x1f && point < 0x7f && !set.includes(character)) result += character;
                    else for (const byte of encoder.encode(character)) result += escapeByte(byte);
                }
                return result;
            };
            const decode = (text) => {
                const bytes = encoder.encode(text), result = [];
                for (let i = 0; i < bytes.length; i++) {
                    const escaped = bytes[i] === 0x25 ? text.length && /^[0-9A-Fa-f]{2}$/.exec(String.fromCharCode(bytes[i + 1], bytes[i + 2])) : null;
                    if (escaped) { result.push(parseInt(escaped[0], 16)); i += 2; } else result.push(bytes[i]);
                }
                return decoder.decode(new Uint8Array(result));
            };

            // RFC 3492, section 6.3.
            const punycode = (label) => {
                const points = Array.from(label, (character) => character.codePointAt(0));
                let output = points.filter((point) => point < 0x80).map((point) => String.fromCharCode(point)).join('');
                const basic = output.length;
                let n = 128, delta = 0, bias = 72, handled = basic;
                if (basic > 0) output += '-';
                const adapt = (value, count, first) => {
                    let rest = first ? Math.floor(value / 700) : value >> 1, k = 0;
                    rest += Math.floor(rest / count);
                    for (; rest > 455; k += 36) rest = Math.floor(rest / 35);
                    return k + Math.floor(36 * rest / (rest + 38));
                };
                while (handled < points.length) {
                    const next = Math.min(...points.filter((point) => point >= n));
                    delta += (next - n) * (handled + 1);
                    n = next;
                    for (const point of points) {
                        if (point < n) delta++;
                        if (point !== n) continue;
                        let q = delta;
                        for (let k = 36; ; k += 36) {
                            const threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
                            if (q < threshold) break;
                            const digit = threshold + (q - threshold) % (36 - threshold);
                            output += String.fromCharCode(digit < 26 ? digit + 97 : digit + 22);
                            q = Math.floor((q - threshold) / (36 - threshold));
                        }
                        output += String.fromCharCode(q < 26 ? q + 97 : q + 22);
                        bias = adapt(delta, handled + 1, handled === basic);
                        delta = 0;
                        handled++;
                    }
                    delta++;
                    n++;
                }
                return 'xn--' + output;
            };
            const toASCII = (domain) => domain.normalize('NFKC').toLowerCase().replace(/[\u3002\uff0e\uff61]/g, '.').normalize('NFC')
                .split('.').map((label) => /^[\x00-\x7f]*$/.test(label) ? label : punycode(label)).join('.');

            // Hosts.
            const ipv4Number = (text) => {
                if (text === '') return NaN;
                if (/^0[xX][0-9A-Fa-f]*$/.test(text)) return text.length === 2 ? 0 : parseInt(text, 16);
                if (/^0[0-7]+$/.test(text)) return parseInt(text, 8);
                return /^[0-9]+$/.test(text) && !/^0./.test(text) ? parseInt(text, 10) : NaN;
            };
            const endsInNumber = (host) => {
                const labels = host.split('.');
                if (labels.at(-1) === '') { if (labels.length === 1) return false; labels.pop(); }
                return /^[0-9]+$/.test(labels.at(-1)) || !Number.isNaN(ipv4Number(labels.at(-1)));
            };
            const parseIPv4 = (host) => {
                const labels = host.split('.');
                if (labels.at(-1) === '' && labels.length > 1) labels.pop();
                const numbers = labels.map(ipv4Number);
                if (labels.length > 4 || numbers.some(Number.isNaN)) fault(host);
                const last = numbers.pop();
                if (numbers.some((part) => part > 255) || last >= 256 ** (4 - numbers.length)) fault(host);
                const address = numbers.reduce((sum, part, index) => sum + part * 256 ** (3 - index), last);
                return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join('.');
            };
            const parseIPv6 = (text) => {
                const halves = text.split('::');
                if (halves.length > 2) fault(text);
                const pieces = (half, isLast) => half === '' ? [] : half.split(':').flatMap((piece, index, all) => {
                    if (piece.includes('.') && isLast && index === all.length - 1) {
                        const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(piece)?.slice(1);
                        if (!bytes || bytes.some((byte) => byte > 255 || /^0./.test(byte))) fault(text);
                        return [bytes[0] * 256 + +bytes[1], bytes[2] * 256 + +bytes[3]];
                    }
                    return /^[0-9A-Fa-f]{1,4}$/.test(piece) ? [parseInt(piece, 16)] : fault(text);
                });
                const head = pieces(halves[0], halves.length === 1), tail = halves.length === 2 ? pieces(halves[1], true) : [];
                const missing = 8 - head.length - tail.length;
                if (halves.length === 2 ? missing < 1 : missing !== 0) fault(text);
                const words = [...head, ...Array(missing).fill(0), ...tail];
                // The longest run of two or more zeros is compressed, the first of several.
                let best = { start: -1, length: 1 };
                for (let i = 0; i < 8; i++) {
                    let length = 0;
                    while (words[i + length] === 0) length++;
                    if (length > best.length) best = { start: i, length };
                    i += length;
                }
                const hex = words.map((word) => word.toString(16));
                if (best.start < 0) return '[' + hex.join(':') + ']';
                return '[' + hex.slice(0, best.start).join(':') + '::' + hex.slice(best.start + best.length).join(':') + ']';
            };
            const parseHost = (text, special) => {
                if (text.startsWith('[')) return text.endsWith(']') ? parseIPv6(text.slice(1, -1)) : fault(text);
                if (!special) return /[\0\t\n\r #/:<>?@[\\\]^|]/.test(text) ? fault(text) : encode(text, '');
                const host = toASCII(decode(text));
                if (host === '' || /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/.test(host)) fault(text);
                return endsInNumber(host) ? parseIPv4(host) : host;
            };

            // Paths.
            const isSingleDot = (segment) => /^(\.|%2e)$/i.test(segment), isDoubleDot = (segment) => /^(\.|%2e){2}$/i.test(segment);
            const isDrive = (segment) => /^[A-Za-z][:|]$/.test(segment);
            const shorten = (url) => {
                if (url.scheme === 'file:' && url.path.length === 1 && /^[A-Za-z]:$/.test(url.path[0])) return;
                url.path.pop();
            };
            const addPath = (url, text) => {
                const segments = text.split(isSpecial(url.scheme) ? /[/\\]/ : '/');
                segments.forEach((segment, index) => {
                    const isLast = index === segments.length - 1;
                    if (isDoubleDot(segment)) {
                        shorten(url);
                        if (isLast) url.path.push('');
                    } else if (isSingleDot(segment)) {
                        if (isLast) url.path.push('');
                    } else {
                        if (url.scheme === 'file:' && url.path.length === 0 && isDrive(segment)) segment = segment[0] + ':';
                        url.path.push(encode(segment, sets.path));
                    }
                });
            };

            const setAuthority = (url, text) => {
                const at = text.lastIndexOf('@');
                if (at >= 0) {
                    const [, user, password] = /^([^:]*):?([\s\S]*)$/.exec(text.slice(0, at));
                    url.username = encode(user, sets.userinfo);
                    url.password = encode(password, sets.userinfo);
                }
                const hostAndPort = text.slice(at + 1);
                if (at >= 0 && hostAndPort === '') fault(text);
                setHost(url, hostAndPort);
            };
            const setHost = (url, text) => {
                const [, host, port] = /^(\[[^\]]*\]?|[^:]*)(?::([\s\S]*))?$/.exec(text) ?? fault(text);
                if (host === '' && (isSpecial(url.scheme) && url.scheme !== 'file:' || port !== undefined)) fault(text);
                if (url.scheme === 'file:') {
                    if (port !== undefined) fault(text);
                    url.host = host === '' || parseHost(host, true) === 'localhost' ? '' : parseHost(host, true);
                    return;
                }
                url.host = host === '' ? '' : parseHost(host, isSpecial(url.scheme));
                if (port !== undefined) setPort(url, port);
            };
            const setPort = (url, text) => {
                if (!/^[0-9]*$/.test(text) || Number(text) > 65535) fault(text);
                url.port = text === '' || Number(text) === specialPorts[url.scheme] ? null : Number(text);
            };
            const setQuery = (url, text) => { url.query = encode(text, isSpecial(url.scheme) ? sets.specialQuery : sets.query); };

            const parse = (input, base) => {
                const text = input.toWellFormed().replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
                const url = { scheme: '', username: '', password: '', host: null, port: null, path: [], opaque: null, query: null, fragment: null };
                const [, beforeFragment, fragment] = /^([^#]*)(?:#([\s\S]*))?$/.exec(text);
                const [, scheme, afterScheme] = /^([A-Za-z][A-Za-z0-9+.-]*):([\s\S]*)$/.exec(beforeFragment) ?? [];
                let rest = beforeFragment;
                if (fragment !== undefined) url.fragment = encode(fragment, sets.fragment);
                if (scheme !== undefined) {
                    url.scheme = scheme.toLowerCase() + ':';
                    rest = afterScheme;
                    const isRelativeSpecial = isSpecial(url.scheme) && url.scheme !== 'file:' && base?.scheme === url.scheme && !/^[/\\]/.test(rest);
                    if (isSpecial(url.scheme) && url.scheme !== 'file:' && !isRelativeSpecial) {
                        parseFromAuthority(url, rest.replace(/^[/\\]*/, ''));
                        return url;
                    }
                    if (!isRelativeSpecial && url.scheme !== 'file:') {
                        parseOther(url, rest);
                        return url;
                    }
                    if (url.scheme === 'file:' && base?.scheme !== 'file:') base = { ...url, path: [], host: '', query: null };
                } else {
                    if (!base) fault(input);
                    if (base.opaque !== null) {
                        if (rest !== '' || fragment === undefined) fault(input);
                        return { ...base, fragment: url.fragment };
                    }
                    url.scheme = base.scheme;
                }
                parseRelative(url, rest, base);
                return url;
            };
            const splitQuery = (url, text) => {
                const mark = text.indexOf('?');
                if (mark >= 0) setQuery(url, text.slice(mark + 1));
                return mark >= 0 ? text.slice(0, mark) : text;
            };
            const parseFromAuthority = (url, text) => {
                const [, authority, rest] = (isSpecial(url.scheme) ? /^([^/\\?]*)([\s\S]*)$/ : /^([^/?]*)([\s\S]*)$/).exec(text);
                setAuthority(url, authority);
                const path = splitQuery(url, rest);
                if (path !== '') addPath(url, path.slice(1));
                else if (isSpecial(url.scheme)) url.path = [''];
            };
            const parseOther = (url, text) => {
                if (text.startsWith('//')) return parseFromAuthority(url, text.slice(2));
                const path = splitQuery(url, text);
                if (path.startsWith('/')) addPath(url, path.slice(1));
                else url.opaque = encode(path.replace(/ +$/, (spaces) => url.query === null && url.fragment === null ? '' : spaces.slice(1) + '%20'), '');
            };
            const parseRelative = (url, text, base) => {
                const slash = isSpecial(url.scheme) ? /^[/\\]/ : /^\//;
                const doubleSlash = isSpecial(url.scheme) ? /^[/\\]{2}/ : /^\/\//;
                if (doubleSlash.test(text)) return parseFromAuthority(url, text.slice(2));
                Object.assign(url, { username: base.username, password: base.password, host: base.host, port: base.port });
                if (slash.test(text)) {
                    const path = splitQuery(url, text);
                    if (url.scheme === 'file:' && base.path.length > 0 && /^[A-Za-z]:$/.test(base.path[0]) && !isDrive(path.slice(1).split(/[/\\]/)[0])) {
                        url.path = [base.path[0]];
                    }
                    return addPath(url, path.slice(1));
                }
                const path = splitQuery(url, text);
                url.path = [...base.path];
                if (path !== '') {
                    if (url.scheme === 'file:' && isDrive(path.split(/[/\\]/)[0])) url.path = [];
                    else shorten(url);
                    addPath(url, path);
                } else if (!text.includes('?')) {
                    url.query = base.query;
                }
                if (isSpecial(url.scheme) && url.path.length === 0) url.path = [''];
            };

            const pathOf = (url) => url.opaque !== null ? url.opaque : url.path.map((segment) => '/' + segment).join('');
            const hostOf = (url) => url.host === null ? '' : url.port === null ? url.host : url.host + ':' + url.port;
            const serialize = (url) => {
                let text = url.scheme;
                if (url.host !== null) {
                    text += '//';
                    if (url.username !== '' || url.password !== '') text += url.username + (url.password === '' ? '' : ':' + url.password) + '@';
                    text += hostOf(url);
                } else if (url.opaque === null && url.path.length > 1 && url.path[0] === '') {
                    text += '/.';
                }
                return text + pathOf(url) + (url.query === null ? '' : '?' + url.query) + (url.fragment === null ? '' : '#' + url.fragment);
            };

            // application/x-www-form-urlencoded.
            const formEncode = (text) => {
                let result = '';
                for (const byte of encoder.encode(text)) {
                    const character = String.fromCharCode(byte);
                    result += byte === 0x20 ? '+' : /[A-Za-z0-9*._-]/.test(character) ? character : escapeByte(byte);
                }
                return result;
            };
            const formParse = (text) => text.split('&').filter((pair) => pair !== '').map((pair) => {
                const [, name, value] = /^([^=]*)=?([\s\S]*)$/.exec(pair);
                return [decode(name.replaceAll('+', ' ')), decode(value.replaceAll('+', ' '))];
            });

            let changed;
            class URLSearchParams {
                #pairs = []; #url = null;

                static {
                    changed = (params, url, text) => { params.#url = url; params.#pairs = formParse(text ?? ''); };
                }

                constructor(init = '') {
                    if (init === null || typeof init !== 'object' && typeof init !== 'function') {
                        this.#pairs = formParse(String(init).toWellFormed().replace(/^\?/, ''));
                    } else if (typeof init[Symbol.iterator] === 'function') {
                        for (const pair of init) {
                            const entry = [...pair];
                            if (entry.length !== 2) throw new TypeError('a pair of URLSearchParams has a name and a value');
                            this.append(entry[0], entry[1]);
                        }
                    } else {
                        for (const name of Object.keys(init)) this.append(name, init[name]);
                    }
                }

                #update() {
                    if (this.#url) this.#url.query = this.#pairs.length === 0 ? null : this.toString();
                }

                get size() { return this.#pairs.length; }
                append(name, value) { this.#pairs.push([String(name).toWellFormed(), String(value).toWellFormed()]); this.#update(); }
                delete(name, value) {
                    this.#pairs = this.#pairs.filter((pair) => pair[0] !== String(name) || value !== undefined && pair[1] !== String(value));
                    this.#update();
                }
                get(name) { return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null; }
                getAll(name) { return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]); }
                has(name, value) { return this.#pairs.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value))); }
                set(name, value) {
                    const index = this.#pairs.findIndex((pair) => pair[0] === String(name));
                    if (index < 0) return this.append(name, value);
                    this.#pairs[index] = [String(name).toWellFormed(), String(value).toWellFormed()];
                    this.#pairs = this.#pairs.filter((pair, other) => other <= index || pair[0] !== String(name));
                    this.#update();
                }
                sort() { this.#pairs.sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0); this.#update(); }
                forEach(callback, receiver) { for (const [name, value] of this) callback.call(receiver, value, name, this); }
                *entries() { for (let i = 0; i < this.#pairs.length; i++) yield [...this.#pairs[i]]; }
                *keys() { for (const [name] of this) yield name; }
                *values() { for (const [, value] of this) yield value; }
                [Symbol.iterator]() { return this.entries(); }
                toString() { return this.#pairs.map(([name, value]) => formEncode(name) + '=' + formEncode(value)).join('&'); }
                toJSON() { return this.toString(); }
                get [Symbol.toStringTag]() { return 'URLSearchParams'; }
            }

            class URL {
                #url; #params = null;

                constructor(input, base) {
                    this.#url = parse(String(input), base === undefined ? undefined : parse(String(base)));
                }

                static canParse(input, base) { return URL.parse(input, base) !== null; }
                static parse(input, base) { try { return new URL(input, base); } catch { return null; } }

                // A setter that cannot use its value leaves the URL as it was.
                #attempt(change) {
                    const copy = { ...this.#url, path: [...this.#url.path] };
                    try { change(copy); } catch { return; }
                    Object.assign(this.#url, copy);
                }
                get #cannotHaveCredentials() { return this.#url.host === null || this.#url.host === '' || this.#url.scheme === 'file:'; }

                get href() { return serialize(this.#url); }
                set href(value) {
                    this.#url = parse(String(value));
                    if (this.#params) changed(this.#params, this.#url, this.#url.query);
                }
                get origin() { return isSpecial(this.#url.scheme) && this.#url.scheme !== 'file:' ? this.#url.scheme + '//' + hostOf(this.#url) : 'null'; }
                get protocol() { return this.#url.scheme; }
                set protocol(value) {
                    const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):?/.exec(String(value))?.[1].toLowerCase() + ':';
                    if (scheme === 'undefined:' || isSpecial(scheme) !== isSpecial(this.#url.scheme) || scheme === 'file:' && this.#url.username !== '') return;
                    this.#url.scheme = scheme;
                    if (this.#url.port === specialPorts[scheme]) this.#url.port = null;
                }
                get username() { return this.#url.username; }
                set username(value) { if (!this.#cannotHaveCredentials) this.#url.username = encode(String(value), sets.userinfo); }
                get password() { return this.#url.password; }
                set password(value) { if (!this.#cannotHaveCredentials) this.#url.password = encode(String(value), sets.userinfo); }
                get host() { return hostOf(this.#url); }
                set host(value) { if (this.#url.opaque === null) this.#attempt((url) => setHost(url, /^[^/?#\\]*/.exec(String(value))[0])); }
                get hostname() { return this.#url.host ?? ''; }
                set hostname(value) {
                    if (this.#url.opaque !== null) return;
                    this.#attempt((url) => { const port = url.port; setHost(url, /^(\[[^\]]*\]|[^/?#\\:]*)/.exec(String(value))[0]); url.port = port; });
                }
                get port() { return this.#url.port === null ? '' : String(this.#url.port); }
                set port(value) {
                    if (!this.#cannotHaveCredentials && /^([0-9]|$)/.test(String(value))) this.#attempt((url) => setPort(url, /^[0-9]*/.exec(String(value))[0]));
                }
                get pathname() { return pathOf(this.#url); }
                set pathname(value) {
                    if (this.#url.opaque !== null) return;
                    this.#url.path = [];
                    addPath(this.#url, String(value).replace(isSpecial(this.#url.scheme) ? /^[/\\]/ : /^\//, ''));
                }
                get search() { return this.#url.query ? '?' + this.#url.query : ''; }
                set search(value) {
                    const text = String(value).replace(/^\?/, '');
                    if (String(value) === '') this.#url.query = null;
                    else setQuery(this.#url, text);
                    if (this.#params) changed(this.#params, this.#url, this.#url.query);
                }
                get searchParams() {
                    if (!this.#params) changed(this.#params = new URLSearchParams(), this.#url, this.#url.query);
                    return this.#params;
                }
                get hash() { return this.#url.fragment ? '#' + this.#url.fragment : ''; }
                set hash(value) { this.#url.fragment = String(value) === '' ? null : encode(String(value).replace(/^#/, ''), sets.fragment); }
                toString() { return this.href; }
                toJSON() { return this.href; }
                get [Symbol.toStringTag]() { return 'URL'; }
            }

            for (const type of [URL, URLSearchParams]) {
                Object.defineProperty(globalThis, type.name, { value: type, writable: true, enumerable: false, configurable: true });
            }
        })();
        """#
}
