package import Base

/// Who may use a route, from where, and how often.
extension Route {
    /// Cross-origin resource sharing (the Fetch standard, "CORS protocol").
    package struct CORS: Sendable, Equatable {
        package var allowOrigins: [OriginMatch] = []
        /// `*` stands for all.
        package var allowMethods: [String] = []
        /// `*` stands for all.
        package var allowHeaders: [String] = []
        /// `*` stands for all.
        package var exposeHeaders: [String] = []
        /// Without effect for origins that only `*` allows.
        package var allowCredentials = false
        /// Whole seconds; `nil` leaves it to the browser.
        package var maxAge: Duration?
        /// A preflight from elsewhere goes on like any request, instead of getting an answer that allows nothing.
        package var forwardsUnmatchedPreflights = false

        package init() {}

        package enum OriginMatch: Sendable, Equatable {
            /// `*`
            case any
            /// Scheme, host and port, in lower case.
            case exact(String)
            /// `https://*.example.com`: what stands before the star, and what behind it. The star is at least one character,
            /// and never a slash.
            case wildcard(prefix: String, suffix: String)
            case startsWith(String)
            /// The whole origin.
            case regex(Pattern)
        }
    }

    /// A token bucket: `burst` requests at once, `requests` in each `per`.
    package struct RateLimit: Sendable, Equatable {
        /// 1...1,000,000,000
        package var requests: Int
        /// 1 ms ... 24 h
        package var per: Duration
        /// 1...1,000,000,000; the same as `requests` where the file says nothing.
        package var burst: Int
        package var key = Key.route

        package init(requests: Int, per: Duration, burst: Int) {
            self.requests = requests
            self.per = per
            self.burst = burst
        }

        /// What has a bucket of its own.
        package enum Key: Sendable, Equatable {
            /// All requests of the route share one.
            case route
            /// As `basicAuth` knows them.
            case user
            /// Counted before anybody is asked for a password. Of IPv6 the network of /64, which is one client's.
            case clientAddress
            /// The value of a header, its name in lower case; all requests without it share one.
            case header(String)
        }
    }
}
