// swift-tools-version: 6.2
import PackageDescription

// The manifest reads as the floor diagram of docs/architecture.md: a target imports only targets on lower floors.
// `make build` passes --explicit-target-dependency-import-check error, so an import that is not written here fails.

let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0335-existential-any.md
    .enableUpcomingFeature("ExistentialAny"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0409-access-level-on-imports.md
    .enableUpcomingFeature("InternalImportsByDefault"),
    // https://github.com/swiftlang/swift-evolution/blob/main/proposals/0444-member-import-visibility.md
    .enableUpcomingFeature("MemberImportVisibility"),
    .unsafeFlags(["-warnings-as-errors"]),
    // What the floors share is small and called for every request: it is inlined across them. Overlapping accesses are
    // checked while debugging, where the unit tests run; looking for them took 6 % of a request's time.
    .unsafeFlags(
        ["-cross-module-optimization", "-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

func floor(_ name: String, _ dependencies: [Target.Dependency] = [], without data: [String] = []) -> Target {
    .target(name: name, dependencies: dependencies, exclude: data, swiftSettings: settings)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], data: [String] = []) -> Target {
    .testTarget(
        name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, exclude: data,
        swiftSettings: settings)
}

let yams = Target.Dependency.product(name: "Yams", package: "Yams")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let protobuf = Target.Dependency.product(name: "SwiftProtobuf", package: "swift-protobuf")
let log = Target.Dependency.product(name: "Logging", package: "swift-log")

let package = Package(
    name: "sluice",
    products: [.executable(name: "sluice", targets: ["sluice"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-protobuf", from: "1.39.0"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C
        .target(name: "CLinux", linkerSettings: [.linkedLibrary("crypt")]),
        .systemLibrary(name: "COpenSSL", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        // A module of its own, so that Credentials goes on to see libcrypto alone.
        .systemLibrary(name: "CSSL", pkgConfig: "libssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        // The dashboard's files, put into the binary by the compiler.
        .target(name: "CDashboard", exclude: ["web"]),

        // words
        floor("Base"),

        // pure
        floor("HTTP", ["Base", "CNGHTTP2"]),
        floor("Configuration", ["Base"]),
        floor("Credentials", ["Base", "CLinux", "COpenSSL"]),
        floor("Telemetry", ["Base"]),
        floor("Inference", ["Base"]),
        floor("Models", ["Base"]),
        floor("Kubernetes", ["Base", "Configuration", "Models"]),
        floor("API"),
        floor("Observation", ["Base", "Telemetry", "API"]),
        floor(
            "Tracing", ["Base", "Telemetry", protobuf], without: ["OpenTelemetry/proto", "OpenTelemetry/generate"]),
        floor("Terminal", ["API"]),
        floor("Traffic", ["Base", "HTTP", "Configuration", "Credentials"]),
        floor(
            "Explanation",
            ["Base", "HTTP", "Configuration", "Credentials", "Telemetry", "Inference", "Traffic"]),

        // IO
        floor("TLS", ["Base", "Configuration", "CSSL"]),
        floor("EventLoop", ["Base", "CLinux", "TLS"]),
        floor("ControlClient", ["Base", "Configuration", "Inference", "CCurl"]),

        // assembly
        floor(
            "DataPlane",
            [
                "Base", "HTTP", "Configuration", "Credentials", "Telemetry", "Inference", "Traffic", "Tracing", "TLS",
                "EventLoop",
            ]),
        floor("ConfigFiles", ["Base", "CLinux", "Configuration", "Credentials", "TLS", yams]),
        floor(
            "ControlPlane",
            [
                "API", "Base", "ControlClient", "Configuration", "Credentials", "Explanation", "Inference",
                "Kubernetes", "Models", "Observation",
                "Telemetry", "Tracing", "Traffic", "TLS", "EventLoop", "DataPlane", "ConfigFiles", log,
            ]),
        floor(
            "Admin",
            [
                "API", "Base", "CDashboard", "HTTP", "Configuration", "Credentials", "Kubernetes", "Observation",
                "Telemetry", "Traffic", "TLS", "EventLoop", "DataPlane", "ControlPlane", log,
            ]),

        // app
        .executableTarget(
            name: "sluice",
            dependencies: [
                "API", "Base", "Configuration", "Credentials", "ConfigFiles", "ControlClient", "ControlPlane", "Admin",
                "EventLoop", "Explanation", "Terminal",
                argumentParser,
                log,
            ],
            swiftSettings: settings),

        // bench: never part of what is shipped
        .executableTarget(
            name: "sluice-bench",
            dependencies: ["Base", "HTTP", "Configuration", "Credentials", "Telemetry", "Traffic"],
            path: "bench/micro",
            swiftSettings: settings),

        tests(of: "Base"),
        tests(of: "HTTP", ["Base"]),
        tests(of: "Configuration", ["Base"]),
        tests(of: "Credentials", ["Base"]),
        tests(of: "Inference", ["Base"]),
        tests(of: "Kubernetes", ["Base", "Configuration", "Models"]),
        tests(of: "Models", ["Base"], data: ["pages"]),
        tests(of: "Telemetry", ["Base"]),
        tests(of: "Traffic", ["Base", "HTTP", "Configuration"]),
        tests(of: "Explanation", ["Base", "HTTP", "Configuration", "Traffic", "ConfigFiles"]),
        tests(of: "Observation", ["API", "Base", "Telemetry"]),
        tests(of: "Tracing", ["Base", "Telemetry", protobuf]),
        tests(of: "Terminal", ["API"], data: ["screens"]),
        tests(of: "EventLoop", ["Base"]),
        tests(of: "TLS", ["Base", "CSSL"]),
        tests(of: "ControlClient", ["Base", "Configuration", "TLS", "CNGHTTP2", "CSSL"]),
        tests(of: "ConfigFiles", ["Base", "Configuration"], data: ["convert"]),
        tests(of: "DataPlane", ["Base", "Configuration", "EventLoop"]),
        tests(
            of: "ControlPlane",
            [
                "API", "Base", "Configuration", "ControlClient", "DataPlane", "EventLoop", "Models", "Telemetry",
                "Traffic",
            ]),
        tests(of: "Admin", ["Base", "Configuration", "Credentials", "EventLoop", "HTTP", "Observation", log]),
    ]
)
