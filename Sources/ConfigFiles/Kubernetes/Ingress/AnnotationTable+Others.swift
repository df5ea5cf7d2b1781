/// The annotations that are not read, and what is said of them.
extension AnnotationTable {
    private static let externalAuth =
        "asks another service who gets through, which is not done here: use 'auth-type: basic' with a Secret, or put an "
        + "authenticating proxy between the gateway and the service"
    private static let clientCertificates =
        "is settled by the listener here: leave it out and write 'clientCA' and 'clientAuth' in the listener's 'tls'"
    private static let listenerTLS =
        "is settled by the listener here: leave it out and write 'minVersion' in the listener's 'tls'"
    private static let serviceTLS =
        "cannot be said in an Ingress here: leave it out, or write a native backend with 'tls: { ca: …, certificate: …, "
        + "privateKey: … }' and a native route to it"
    private static let firewall =
        "is a firewall that the gateway does not have: leave it out, or put one in front of the gateway"
    private static let errorPages =
        "replaces answers of the service, which are passed on as they are here: let the service write its error pages"
    private static let rewrittenAnswers =
        "changes headers in answers of the service, which are passed on as they are here: let the service write them as "
        + "clients shall see them"
    private static let bandwidth = "limits bytes per second, which is not done here: use 'limit-rps' or leave it out"
    private static let exemption =
        "exempts clients from limits, which one route cannot do: give them a listener of their own, and match its 'port' "
        + "in a native route without 'rateLimit'"
    private static let fastCGI = "is for FastCGI, which is not spoken here: put an HTTP server in front of the service"
    private static let tracing = "the gateway passes trace context on and writes no spans"

    static let others: [String: Treatment] = [
        "auth-always-set-cookie": .refused(unless: [], instead: externalAuth),
        "auth-cache-duration": .refused(unless: [], instead: externalAuth),
        "auth-cache-key": .refused(unless: [], instead: externalAuth),
        "auth-keepalive": .refused(unless: [], instead: externalAuth),
        "auth-keepalive-requests": .refused(unless: [], instead: externalAuth),
        "auth-keepalive-share-vars": .refused(unless: [], instead: externalAuth),
        "auth-keepalive-timeout": .refused(unless: [], instead: externalAuth),
        "auth-method": .refused(unless: [], instead: externalAuth),
        "auth-proxy-set-headers": .refused(unless: [], instead: externalAuth),
        "auth-request-redirect": .refused(unless: [], instead: externalAuth),
        "auth-response-headers": .refused(unless: [], instead: externalAuth),
        "auth-signin": .refused(unless: [], instead: externalAuth),
        "auth-signin-redirect-param": .refused(unless: [], instead: externalAuth),
        "auth-url": .refused(unless: [], instead: externalAuth),
        "enable-global-auth": .idle(unless: ["false"], because: "there is no global authentication service"),
        "satisfy": .refused(
            unless: ["all"],
            instead:
                "lets through whoever meets one of two conditions; here all are asked: write two native routes, one "
                + "with 'allowFrom' and one with 'basicAuth'"),

        "auth-tls-error-page": .refused(unless: [], instead: clientCertificates),
        "auth-tls-match-cn": .refused(unless: [], instead: clientCertificates),
        "auth-tls-pass-certificate-to-upstream": .refused(unless: ["false"], instead: clientCertificates),
        "auth-tls-secret": .refused(unless: [], instead: clientCertificates),
        "auth-tls-verify-client": .refused(unless: ["off"], instead: clientCertificates),
        "auth-tls-verify-depth": .refused(unless: [], instead: clientCertificates),
        "ssl-ciphers": .refused(unless: [], instead: listenerTLS),
        "ssl-passthrough": .refused(
            unless: ["false"],
            instead: "passes TLS on unread, so that nothing could be routed: leave it out and give the listener the "
                + "certificate"),
        "ssl-prefer-server-ciphers": .idle(unless: [], because: "the listener's 'tls' settles ciphers"),

        "proxy-ssl-ciphers": .refused(unless: ["default"], instead: serviceTLS),
        "proxy-ssl-protocols": .refused(unless: [], instead: serviceTLS),
        "proxy-ssl-secret": .refused(unless: [], instead: serviceTLS),
        "proxy-ssl-server-name": .idle(unless: ["on"], because: "the name is always sent (SNI)"),
        "proxy-ssl-verify-depth": .idle(unless: [], because: "chains may be as long as OpenSSL takes them"),

        "limit-allowlist": .refused(unless: [], instead: exemption),
        "limit-connections": .refused(
            unless: ["0"],
            instead: "counts connections, which the listener does here: leave it out and write 'perClient' in the "
                + "listener's 'limits'"),
        "limit-rate": .refused(unless: ["0"], instead: bandwidth),
        "limit-rate-after": .refused(unless: ["0"], instead: bandwidth),
        "limit-whitelist": .refused(unless: [], instead: exemption),

        "custom-headers": .refused(
            unless: [],
            instead: "names a ConfigMap, which is not read: write its headers as 'responseHeaders: { set: … }' of a "
                + "native route"),
        "custom-http-errors": .refused(unless: [], instead: errorPages),
        "default-backend": .refused(
            unless: [],
            instead: "answers for a service without endpoints: leave it out, such requests are answered 503"),
        "disable-proxy-intercept-errors": .idle(unless: ["true"], because: "answers of the service are passed on"),
        "proxy-cookie-domain": .refused(unless: ["off"], instead: rewrittenAnswers),
        "proxy-cookie-path": .refused(unless: ["off"], instead: rewrittenAnswers),
        "proxy-redirect-from": .refused(unless: ["off", "default"], instead: rewrittenAnswers),
        "proxy-redirect-to": .refused(unless: ["off"], instead: rewrittenAnswers),
        "relative-redirects": .refused(
            unless: ["false"], instead: "makes redirects relative; here they name scheme and host, leave it out"),
        "use-port-in-redirects": .refused(
            unless: ["false"],
            instead:
                "names nginx's own port in redirects: leave it out, and write a native route with 'redirect: { port: "
                + "… }' where one has to be named"),
        "preserve-trailing-slash": .idle(
            unless: ["true"], because: "redirects keep the path as the client wrote it"),

        "connection-proxy-header": .idle(
            unless: [], because: "connections to clients and to services are independent, and both are kept open"),
        "proxy-http-version": .refused(
            unless: ["1.1"], instead: "must be \"1.1\": nothing older is spoken with services"),
        "service-upstream": .idle(
            unless: ["true"], because: "a service is reached by its name, and each address it has is an endpoint"),
        "upstream-hash-by-subset": .refused(
            unless: ["false"], instead: "is not supported: leave it out, each key has one endpoint then"),
        "upstream-hash-by-subset-size": .idle(unless: [], because: "each key has one endpoint"),
        "session-cookie-change-on-failure": .idle(
            unless: ["true"], because: "a client whose endpoint fails goes to another one"),
        "session-cookie-conditional-samesite-none": .idle(
            unless: ["false"], because: "the cookie never says SameSite=None"),

        "enable-access-log": .idle(
            unless: ["true"], because: "the access log has all requests or a sample of them, whatever their route"),
        "enable-rewrite-log": .idle(unless: ["false"], because: "rewrites are not logged, 'sluice explain' shows them"),
        "enable-opentelemetry": .idle(unless: ["false"], because: tracing),
        "opentelemetry-operation-name": .idle(unless: [], because: tracing),
        "opentelemetry-trust-incoming-span": .idle(unless: ["true"], because: tracing),
        "http2-push-preload": .idle(unless: ["false"], because: "browsers take no pushed answers any more"),

        "enable-modsecurity": .refused(unless: ["false"], instead: firewall),
        "enable-owasp-core-rules": .refused(unless: ["false"], instead: firewall),
        "modsecurity-transaction-id": .refused(unless: [], instead: firewall),

        "fastcgi-index": .refused(unless: [], instead: fastCGI),
        "fastcgi-params-configmap": .refused(unless: [], instead: fastCGI),
    ]
}
