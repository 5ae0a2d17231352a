import Hummingbird
import NIOCore

/// `/`: says what this is and how to connect.
enum FrontPage {
    static func add(to router: Router<GatewayRequestContext>, publicURL: String) {
        let page = ByteBuffer(string: self.html(publicURL))
        router.get("/") { _, _ in
            Response(
                status: .ok,
                headers: [
                    .contentType: "text/html; charset=utf-8", .cacheControl: "no-cache",
                    .contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
                    .xContentTypeOptions: "nosniff",
                ],
                body: ResponseBody(byteBuffer: page))
        }
    }

    private static func html(_ publicURL: String) -> String {
        let url = publicURL.escapedForHTML
        return """
            <!doctype html>
            <html lang="en">
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>Roost</title>
            <style>
            body { font: 16px/1.6 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto; padding: 0 1rem; color: #1d2429; background: #fbfaf7 }
            h1 { font-size: 1.6rem; margin-bottom: 0 }
            code, pre { font: 14px/1.5 ui-monospace, monospace; background: #efece4; border-radius: 4px }
            code { padding: .1em .3em } pre { padding: .8em 1em; overflow-x: auto }
            a { color: #0b5c8a }
            @media (prefers-color-scheme: dark) { body { color: #e6e3dc; background: #16191c } code, pre { background: #24292e } a { color: #7cc4ee } }
            </style>
            <h1>Roost</h1>
            <p>The integration layer between AI agents and the software they act on: one MCP endpoint through which agents use every API that this
            installation has been given, within its policies.</p>
            <h2>Connect an agent</h2>
            <p>Point an MCP client at <code>\(url)/mcp</code> with an API key:</p>
            <pre>{"mcpServers": {"roost": {"type": "http", "url": "\(url)/mcp",
              "headers": {"Authorization": "Bearer roost_…"}}}}</pre>
            <p>It finds one tool, <code>execute</code>, which runs a TypeScript program. A first one to try:</p>
            <pre>return await tools.search({ query: "list integrations" })</pre>
            <h2>Configure it</h2>
            <p>The REST API is at <code>\(url)/api/v1</code>, described by <a href="/api/v1/openapi.json">openapi.json</a>.</p>
            </html>
            """
    }
}

extension String {
    /// Safe as text and as an attribute's value.
    fileprivate var escapedForHTML: String {
        var text = ""
        for character in self {
            switch character {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            default: text.append(character)
            }
        }
        return text
    }
}
