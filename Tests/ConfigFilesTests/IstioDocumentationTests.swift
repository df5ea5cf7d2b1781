import Foundation
import Testing

@testable import ConfigFiles

/// docs/from-istio.md says of each field what becomes of it.
@Suite struct IstioDocumentationTests {
    private static let schemas: [FieldSchema] = [
        .virtualService, .httpRule, .httpMatch, .httpRedirect, .directResponse, .httpRewrite, .httpRetry, .httpFault,
        .corsPolicy, .destinationRule, .subset, .trafficPolicy, .portTrafficPolicy, .loadBalancer, .consistentHash,
        .connectionPool, .poolTCP, .poolHTTP, .istioOutlierDetection, .clientTLS,
    ]
    /// What goes without saying, being called the same here, and what nobody has written for years.
    private static let understood: Set<String> = [
        "host", "subset", "port", "status", "allowOrigin", "allowOrigins", "allowMethods", "allowHeaders",
        "exposeHeaders",
        "maxAge", "allowCredentials", "delay", "abort", "scheme", "name", "mode", "clientCertificate",
        "websocketUpgrade",
        "perTryTimeout", "splitExternalLocalOriginErrors", "consecutiveLocalOriginFailures",
        "outlierDetectionHttpErrorCodes", "http", "minimumRingSize", "trafficPolicy",
    ]

    @Test func everyFieldIsExplained() throws {
        let file = ExampleTests.repository + "/docs/from-istio.md"
        let text = try String(contentsOfFile: file, encoding: .utf8)
        for schema in Self.schemas {
            for field in schema.fields + schema.noted.keys + schema.refused.keys where !Self.understood.contains(field)
            {
                #expect(text.contains(field), "docs/from-istio.md says nothing of '\(field)' of \(schema.name)")
            }
        }
    }
}
