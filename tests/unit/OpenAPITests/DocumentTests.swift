import JSON
import Testing

@testable import OpenAPI

@Suite("Reading a document")
struct DocumentTests {
    private static let json = #"{"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": {}}"#

    @Test(
        "takes JSON, YAML in block and flow style, and a byte order mark",
        arguments: [
            json, "\u{FEFF}" + json, "\n  " + json, "openapi: 3.0.3\ninfo: {title: T, version: 1}\npaths: {}\n",
            "\u{FEFF}openapi: 3.0.3\ninfo:\n  title: T\npaths: {}\n", "---\nopenapi: '3.0.3'\ninfo: {title: T}\npaths: {}\n...\n",
            "{openapi: 3.0.3, info: {title: T}, paths: {}}", "# a comment\nopenapi: \"3.0.3\"\ninfo: {title: T}\npaths: {}",
        ])
    func forms(text: String) throws {
        let document = try OpenAPIDocument(reading: Array(text.utf8))
        #expect(document.version == .v30)
        #expect(document.title == "T")
    }

    @Test(
        "refuses everything else with the right code",
        arguments: [
            ("", "not_an_openapi_document"), ("   \n", "not_an_openapi_document"), ("[]", "not_an_openapi_document"),
            ("null", "not_an_openapi_document"), ("just words", "not_an_openapi_document"), ("{}", "not_an_openapi_document"),
            ("<!DOCTYPE html><html></html>", "not_an_openapi_document"), (#"{"openapi": "3.0.0"}"#, "not_an_openapi_document"),
            (#"{"openapi": "3.0.0", "paths": {"#, "openapi_syntax_error"), ("openapi: [", "openapi_syntax_error"),
            ("a: b: c", "openapi_syntax_error"), ("openapi: 3.0.0\n---\nopenapi: 3.0.0\n", "openapi_syntax_error"),
            ("openapi: 3.0.0\nopenapi: 3.1.0\npaths: {}", "openapi_syntax_error"),
            (#"{"swagger": "2.0", "paths": {}}"#, "openapi_version_unsupported"),
            ("swagger: 2.0\npaths: {}", "openapi_version_unsupported"),
            (#"{"openapi": "2.0", "paths": {}}"#, "openapi_version_unsupported"),
            (#"{"openapi": "3.2.0", "paths": {}}"#, "openapi_version_unsupported"),
            (#"{"openapi": "4.0.0", "paths": {}}"#, "openapi_version_unsupported"),
            ("file:///etc/passwd", "not_an_openapi_document"), ("/etc/passwd", "not_an_openapi_document"),
            ("https://example.com/openapi.json", "not_an_openapi_document"),
            (#"{"openapi": true, "paths": {}}"#, "not_an_openapi_document"),
        ])
    func refusals(text: String, code: String) {
        let error = #expect(throws: OpenAPIError.self) { try OpenAPIDocument(reading: Array(text.utf8)) }
        #expect(error?.code.description == code)
    }

    @Test("refuses bytes that are not UTF-8")
    func invalidBytes() {
        #expect(throws: OpenAPIError.self) { try OpenAPIDocument(reading: [0xFF, 0xFE, 0x7B, 0x00]) }
        #expect(throws: OpenAPIError.self) { try OpenAPIDocument(reading: Array("openapi: ".utf8) + [0xC3, 0x28]) }
    }

    @Test("knows 3.1 documents without paths")
    func webhooksOnly() throws {
        let document = try OpenAPIDocument(reading: Array(#"{"openapi": "3.1.0", "info": {"title": "T"}, "webhooks": {}}"#.utf8))
        #expect(document.version == .v31)
        #expect(try document.ingest().tools.isEmpty)
    }

    @Test("refuses a document that is too long before reading it")
    func tooLong() {
        var limits = OpenAPILimits()
        limits.maxDocumentBytes = 100
        let error = #expect(throws: OpenAPIError.self) {
            try OpenAPIDocument(reading: Array(repeating: UInt8(ascii: " "), count: 101), limits: limits)
        }
        #expect(error?.code == .limitExceeded)
    }
}
