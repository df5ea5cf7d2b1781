/// The program's version (semver.org).
package let sluiceVersion = "0.1.0"
