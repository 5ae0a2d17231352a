// swift-tools-version: 6.2
import PackageDescription

// One package for both services, the command line tool and everything they share. `docs/ARCHITECTURE.md` explains the folders and
// `shared/order.txt` gives the order in which modules may import each other; `make lint` proves that this file keeps to it.

let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdHTTP2 = Target.Dependency.product(name: "HummingbirdHTTP2", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let hummingbirdTesting = Target.Dependency.product(name: "HummingbirdTesting", package: "hummingbird")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")
let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let subprocess = Target.Dependency.product(name: "Subprocess", package: "swift-subprocess")
let systemPackage = Target.Dependency.product(name: "SystemPackage", package: "swift-system")
let x509 = Target.Dependency.product(name: "X509", package: "swift-certificates")
let swiftASN1 = Target.Dependency.product(name: "SwiftASN1", package: "swift-asn1")

let package = Package(
    name: "roost",
    platforms: [.macOS(.v15)],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-asn1", exact: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", exact: "1.21.1"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-system", exact: "1.8.1"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2", traits: []),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // shared/system: module maps of the system's libraries.
        .systemLibrary(
            name: "CJavaScriptCore", path: "shared/system/CJavaScriptCore", pkgConfig: "javascriptcoregtk-4.1",
            providers: [.apt(["libjavascriptcoregtk-4.1-dev"])]),
        .systemLibrary(
            name: "CNGHTTP2", path: "shared/system/CNGHTTP2", pkgConfig: "libnghttp2",
            providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CMalloc", path: "shared/system/CMalloc"),
        .systemLibrary(
            name: "CPostgres", path: "shared/system/CPostgres", pkgConfig: "libpq",
            providers: [.apt(["libpq-dev"])]),

        // shared: low to high, in the order of shared/order.txt.
        .target(name: "JSON", path: "shared/JSON"),
        .target(name: "SSE", path: "shared/SSE"),
        .target(name: "Model", dependencies: ["JSON"], path: "shared/Model"),
        .target(name: "OperatorHTTP", dependencies: [asyncHTTPClient, nioCore, nioHTTP1, nioPosix], path: "shared/OperatorHTTP"),
        .target(name: "Telemetry", path: "shared/Telemetry"),
        .target(
            name: "Service",
            dependencies: [
                "JSON", "Model", configuration, hummingbird, logging, nioCore, serviceLifecycle, systemPackage, unixSignals, yams,
            ],
            path: "shared/Service"),
        .target(name: "Database", dependencies: ["CPostgres", "Model", grdb], path: "shared/Database"),
        .target(
            name: "Channel", dependencies: ["CNGHTTP2", "Telemetry", crypto, logging, nioCore, nioPosix, nioSSL, serviceLifecycle],
            path: "shared/Channel"),
        .target(name: "MCP", dependencies: ["JSON", "SSE"], path: "shared/MCP"),
        .target(name: "Store", dependencies: ["Database", "JSON", "Model", crypto], path: "shared/Store"),
        .target(name: "Replicas", dependencies: ["Model", "Store", logging, serviceLifecycle], path: "shared/Replicas"),
        .target(name: "Vault", dependencies: ["Model", "Store", crypto], path: "shared/Vault"),
        .target(name: "Policies", dependencies: ["Model"], path: "shared/Policies"),
        .target(
            name: "Egress", dependencies: ["Model", asyncHTTPClient, logging, nioCore, nioHTTP1, nioPosix, nioSSL, serviceLifecycle],
            path: "shared/Egress"),
        .target(name: "OpenAPI", dependencies: ["Egress", "JSON", "Model", yams], path: "shared/Integrations/OpenAPI"),
        .target(
            name: "Catalog", dependencies: ["Egress", "JSON", "Model", "OpenAPI", "Policies", "Store", "Vault"],
            path: "shared/Catalog"),
        .target(name: "CSandbox", path: "shared/Sandbox/CSandbox"),
        .target(
            name: "Sandbox", dependencies: ["CSandbox", "JSON", "Model", logging, nioCore, nioPosix, serviceLifecycle],
            path: "shared/Sandbox/Host"),
        .executableTarget(name: "sandbox-worker", dependencies: ["CJavaScriptCore", "CSandbox"], path: "shared/Sandbox/Worker"),
        .target(
            name: "Engine", dependencies: ["JSON", "Model", "Policies", "Sandbox", "Store", crypto, logging, serviceLifecycle],
            path: "shared/Engine"),
        .target(
            name: "Identity", dependencies: ["JSON", "Model", "OperatorHTTP", "Store", crypto, jwtKit, logging], path: "shared/Identity"),
        .target(
            name: "ExecutionStack",
            dependencies: ["Catalog", "Engine", "Identity", "JSON", "Model", "Sandbox", "Store", logging],
            path: "shared/ExecutionStack"),
        .target(name: "RoostAPI", dependencies: ["Identity", "JSON", "Model", httpTypes], path: "shared/RoostAPI"),
        .target(
            name: "Installation",
            dependencies: [
                "CMalloc", "Catalog", "Channel", "Database", "Egress", "Engine", "ExecutionStack", "Identity", "JSON", "MCP", "Model",
                "OpenAPI",
                "OperatorHTTP", "Replicas", "RoostAPI", "Sandbox", "Service", "Store", "Vault", logging, serviceLifecycle, subprocess,
                systemPackage,
            ],
            path: "shared/Installation"),

        // services
        .target(
            name: "SessionAPI", dependencies: ["Channel", "JSON", "MCP", "Model", "Telemetry"], path: "services/session-service/SessionAPI"),
        .target(
            name: "Sessions",
            dependencies: [
                "Channel", "Database", "ExecutionStack", "Installation", "JSON", "MCP", "Model", "Replicas", "Service", "SessionAPI", "SSE",
                "Store", logging, serviceLifecycle,
            ],
            path: "services/session-service/Sessions"),
        .executableTarget(
            name: "session-service", dependencies: ["Installation", "Sessions", argumentParser],
            path: "services/session-service/session-service"),
        .target(
            name: "Gateway",
            dependencies: [
                "Catalog", "Channel", "Database", "Egress", "ExecutionStack", "Identity", "Installation", "JSON", "MCP", "Model", "OpenAPI",
                "Policies", "Replicas", "RoostAPI", "Service", "SessionAPI", "Store", "Telemetry", "Vault", httpTypes, hummingbird,
                hummingbirdCore, logging, nioCore, nioHTTP1, serviceLifecycle,
            ],
            path: "services/api-gateway/Gateway"),
        .executableTarget(
            name: "api-gateway", dependencies: ["Gateway", "Installation", argumentParser], path: "services/api-gateway/api-gateway"),
        .executableTarget(
            name: "roost",
            dependencies: [
                "Database", "Identity", "Installation", "JSON", "Model", "Service", "Store", "Vault", argumentParser, logging,
                serviceLifecycle,
                subprocess, systemPackage,
            ],
            path: "services/roost"),

        // tests
        .target(
            name: "TestSupport",
            dependencies: [
                "Database", "JSON", "Model", "Store", crypto, nioCore, nioPosix, nioSSL, subprocess, swiftASN1, systemPackage, x509,
            ],
            path: "tests/support"),
        .executableTarget(
            name: "channel-soak", dependencies: ["Channel", argumentParser, logging, serviceLifecycle, unixSignals],
            path: "tests/load/channel-soak"),
        .executableTarget(
            name: "library-bench",
            dependencies: ["CMalloc", "Catalog", "Database", "Egress", "JSON", "Model", "OpenAPI", "Policies", "Store", "Vault", yams],
            path: "tests/benchmarks/library-bench"),
        .testTarget(
            name: "InstallationTests",
            dependencies: [
                "Catalog", "Database", "Egress", "Engine", "Identity", "Installation", "Model", "OpenAPI", "Policies", "Replicas",
                "Service", "Store", "TestSupport", "Vault", logging, serviceLifecycle,
            ],
            path: "tests/unit/InstallationTests"),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], path: "tests/unit/JSONTests"),
        .testTarget(name: "SSETests", dependencies: ["SSE"], path: "tests/unit/SSETests"),
        .testTarget(name: "ModelTests", dependencies: ["Model"], path: "tests/unit/ModelTests"),
        .testTarget(
            name: "OperatorHTTPTests", dependencies: ["OperatorHTTP", "TestSupport"], path: "tests/unit/OperatorHTTPTests"),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"], path: "tests/unit/TelemetryTests"),
        .testTarget(
            name: "ServiceTests", dependencies: ["Model", "Service", hummingbird, hummingbirdTesting, logging],
            path: "tests/unit/ServiceTests"),
        .executableTarget(
            name: "database-hammer", dependencies: ["Database", "Model", "Store"], path: "tests/support-tools/database-hammer"),
        .testTarget(name: "DatabaseTests", dependencies: ["Database", "Model", "TestSupport"], path: "tests/unit/DatabaseTests"),
        .testTarget(
            name: "ChannelTests",
            dependencies: ["Channel", "Telemetry", "TestSupport", logging, nioCore, nioPosix, nioSSL, serviceLifecycle],
            path: "tests/unit/ChannelTests"),
        .testTarget(name: "MCPTests", dependencies: ["JSON", "MCP", "SSE"], path: "tests/unit/MCPTests"),
        .testTarget(
            name: "StoreTests", dependencies: ["Database", "database-hammer", "JSON", "Model", "Store", "TestSupport"],
            path: "tests/unit/StoreTests"),
        .testTarget(
            name: "ReplicasTests", dependencies: ["Database", "Model", "Replicas", "Store", "TestSupport", logging, serviceLifecycle],
            path: "tests/unit/ReplicasTests"),
        .testTarget(
            name: "VaultTests", dependencies: ["Database", "JSON", "Model", "Store", "TestSupport", "Vault"], path: "tests/unit/VaultTests"),
        .testTarget(name: "PoliciesTests", dependencies: ["Model", "Policies"], path: "tests/unit/PoliciesTests"),
        .testTarget(
            name: "EgressTests",
            dependencies: ["Egress", "Model", "TestSupport", hummingbird, hummingbirdHTTP2, logging, nioCore],
            path: "tests/unit/EgressTests"),
        .testTarget(
            name: "OpenAPITests", dependencies: ["Egress", "JSON", "Model", "OpenAPI", "TestSupport"], path: "tests/unit/OpenAPITests"),
        .testTarget(
            name: "CatalogTests",
            dependencies: ["Catalog", "Database", "Egress", "JSON", "Model", "OpenAPI", "Policies", "Store", "TestSupport", "Vault"],
            path: "tests/unit/CatalogTests"),
        .testTarget(
            name: "SandboxTests", dependencies: ["CSandbox", "JSON", "Model", "Sandbox", "sandbox-worker", logging, nioCore, nioPosix],
            path: "tests/unit/SandboxTests"),
        .testTarget(
            name: "EngineTests",
            dependencies: ["Engine", "JSON", "Model", "Policies", "Sandbox", "Store", "TestSupport", logging],
            path: "tests/unit/EngineTests"),
        .testTarget(
            name: "IdentityTests",
            dependencies: ["Identity", "JSON", "Model", "OperatorHTTP", "Store", "TestSupport", crypto, hummingbird, logging],
            path: "tests/unit/IdentityTests"),
        .testTarget(
            name: "ExecutionStackTests",
            dependencies: [
                "Catalog", "Database", "Engine", "ExecutionStack", "JSON", "Model", "Policies", "Sandbox", "sandbox-worker", "Store",
                "TestSupport", logging,
            ],
            path: "tests/unit/ExecutionStackTests"),
        .testTarget(
            name: "SessionsTests",
            dependencies: [
                "Channel", "Database", "JSON", "MCP", "Model", "Replicas", "SessionAPI", "Sessions", "SSE", "Store", "TestSupport",
                logging, serviceLifecycle,
            ],
            path: "tests/unit/SessionsTests"),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Channel", "Database", "Gateway", "Identity", "JSON", "MCP", "Model", "Replicas", "RoostAPI", "SessionAPI", "Store",
                "Telemetry", "TestSupport", "Vault", httpTypes, logging, nioCore, nioEmbedded, nioHTTP1, serviceLifecycle,
            ],
            path: "tests/unit/GatewayTests"),
        .testTarget(
            name: "IntegrationTests",
            dependencies: [
                "api-gateway", "Identity", "JSON", "Model", "roost", "RoostAPI", "sandbox-worker", "session-service", "TestSupport",
                asyncHTTPClient,
                httpTypes, nioCore, nioHTTP1, nioPosix, subprocess, systemPackage,
            ],
            path: "tests/integration"),
    ]
)

for target in package.targets where target.type != .system {
    var settings = target.swiftSettings ?? []
    settings += [
        .swiftLanguageMode(.v6),
        .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    ]
    target.swiftSettings = settings
}
