//! Who may be asked, and who may see credentials (security rule R12). Pure, but for the look-up of names.
//!
//! **Redirects and token servers** may not lead from https to anything else, not to schemes other than http and https,
//! and not to a nearer network than the registry's own: a public registry not to private, loopback or link-local
//! addresses, a private one not to loopback, and nobody to link-local addresses (cloud metadata) but a link-local
//! registry.
//!
//! **`Authorization`** goes to the registry's own origin (scheme, host, port) only. **User name and password** go to a
//! token server when it has the registry's own origin; or over https, when it lies in the registry's registrable domain
//! (`registry.gitlab.com` → `gitlab.com`) or is Docker Hub's (`docker.io` → `auth.docker.io`). Any other token server is
//! asked without them, unless the credentials file has an entry for that very server, whose credentials it then gets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// How near an address is, nearest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// 169.254/16, fe80::/10, multicast, broadcast.
    Link,
    /// This machine.
    Loopback,
    /// RFC 1918, RFC 4193, RFC 6598.
    Private,
    /// Everything else.
    Public,
}

impl Reach {
    /// Where an address belongs.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::of_v4(v4),
            IpAddr::V6(v6) => embedded_v4(v6).map_or_else(|| Self::of_v6(v6), Self::of_v4),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        let [a, b, ..] = address.octets();
        match (a, b) {
            (127 | 0, _) => Self::Loopback,
            (169, 254) | (224.., _) => Self::Link,
            (10, _) | (172, 16..=31) | (192, 168) | (100, 64..=127) => Self::Private,
            _ => Self::Public,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let first = address.segments()[0];
        if address.is_loopback() || address.is_unspecified() {
            Self::Loopback
        } else if first & 0xffc0 == 0xfe80 || first & 0xff00 == 0xff00 {
            Self::Link
        } else if first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfec0 {
            Self::Private
        } else {
            Self::Public
        }
    }

    /// Whether a registry of this reach may send on to an address of reach `to`.
    pub(crate) fn may_lead_to(self, to: Self) -> bool {
        match to {
            Self::Link => self == Self::Link,
            Self::Loopback => self == Self::Loopback,
            Self::Private => self != Self::Public,
            Self::Public => true,
        }
    }
}

/// The IPv4 address inside a mapped (RFC 4291) or NAT64 (RFC 6052) address.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, .., high, low] = address.segments();
    let nat64 = (a, b) == (0x64, 0xff9b) && address.segments()[2..6] == [0; 4];
    let (high, low) = (high.to_be_bytes(), low.to_be_bytes());
    address.to_ipv4_mapped().or(nat64.then(|| Ipv4Addr::new(high[0], high[1], low[0], low[1])))
}

/// The reach of a host that is a literal address or a name for loopback; `None` for other names.
pub(crate) fn literal_reach(host: &str) -> Option<Reach> {
    let bare = host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let name = bare.to_ascii_lowercase();
    if name == "localhost" || name.ends_with(".localhost") {
        return Some(Reach::Loopback);
    }
    bare.parse().ok().map(Reach::of)
}

/// The reach of any host; the nearest of its addresses. A name that cannot be looked up counts as public.
pub(crate) async fn reach(host: &str) -> Reach {
    match literal_reach(host) {
        Some(reach) => reach,
        None => match tokio::net::lookup_host((host, 0)).await {
            Ok(addresses) => addresses.map(|address| Reach::of(address.ip())).min().unwrap_or(Reach::Public),
            Err(_) => Reach::Public,
        },
    }
}

/// Whether `host[:port]` is this machine, so that plain HTTP is no risk. `a.localhost` is not taken for it: whether that
/// stays here is up to the name server.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = match host.rsplit_once(':') {
        Some((bare, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !bare.ends_with(':') => bare,
        _ => host,
    };
    let named = bare.eq_ignore_ascii_case("localhost");
    named
        || (literal_reach(bare) == Some(Reach::Loopback) && !bare.to_ascii_lowercase().contains("localhost"))
}

/// Whether a hop keeps the rules for schemes.
///
/// # Errors
/// The rule that it breaks.
pub(crate) fn check_scheme(from: &Url, to: &Url) -> Result<(), &'static str> {
    match (from.scheme(), to.scheme()) {
        (_, "https") | ("http", "http") => Ok(()),
        ("https", "http") => Err("a redirect from https to http"),
        _ => Err("only http and https are followed"),
    }
}

/// Whether two addresses have the same scheme, host and port.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

/// Whether a token server may see the credentials that were entered for the registry.
pub(crate) fn realm_may_see_credentials(registry: &Url, realm: &Url) -> bool {
    if same_origin(registry, realm) {
        return true;
    }
    let (Some(registry), Some(host)) = (registry.host_str(), realm.host_str()) else { return false };
    realm.scheme() == "https"
        && realm.port_or_known_default() == Some(443)
        && match (registrable_domain(registry), registrable_domain(host)) {
            (Some(a), Some(b)) => a == b,
            _ => false,
        }
}

/// Parents under which strangers get names of their own, besides country codes (which are recognised by their shape).
/// Not the whole public suffix list: those that host registries or token servers.
const SHARED_PARENTS: &[&str] = &[
    "azurecr.io",
    "amazonaws.com",
    "azurewebsites.net",
    "cloudapp.net",
    "cloudfront.net",
    "cloudflare.net",
    "pages.dev",
    "workers.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "run.app",
    "appspot.com",
    "pkg.dev",
    "ngrok.io",
    "ngrok-free.app",
    "vercel.app",
    "fly.dev",
    "onrender.com",
    "jfrog.io",
    "nip.io",
    "sslip.io",
    "duckdns.org",
    "dyndns.org",
    "no-ip.org",
    "myshopify.com",
    "blogspot.com",
    "trycloudflare.com",
    "ondigitalocean.app",
];

/// The part of a name that one owner registered: two labels, three below a shared parent or `co.uk` and the like.
/// `None` for addresses, single labels and the parents themselves. Errs on the long side, which withholds credentials.
fn registrable_domain(host: &str) -> Option<String> {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    if literal_reach(&host).is_some() {
        return None;
    }
    let labels: Vec<&str> = host.split('.').collect();
    let last = |count: usize| {
        labels.len().checked_sub(count).map(|at| labels.get(at..).unwrap_or_default().join("."))
    };
    if let Some(shared) = SHARED_PARENTS.iter().find(|parent| host.ends_with(&format!(".{parent}"))) {
        return last(shared.split('.').count() + 1);
    }
    if SHARED_PARENTS.contains(&host.as_str()) {
        return None;
    }
    let [.., second, top] = labels.as_slice() else { return None };
    let country =
        top.len() == 2 && (second.len() <= 3 || matches!(*second, "gouv" | "govt" | "asso" | "info"));
    last(if country { 3 } else { 2 })
}

/// A resolver for redirects: drops the addresses that the registry may not lead to.
#[derive(Debug)]
pub(crate) struct GuardedResolver {
    /// The reach of the registry that redirected.
    pub(crate) from: Reach,
}

/// A name led only to addresses that the rules forbid.
#[derive(Debug, thiserror::Error)]
#[error("its address is not public")]
pub(crate) struct GuardedAddress;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let from = self.from;
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            let allowed: Vec<_> =
                found.iter().copied().filter(|a| from.may_lead_to(Reach::of(a.ip()))).collect();
            if allowed.is_empty() && !found.is_empty() {
                return Err(Box::new(GuardedAddress) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("a URL")
    }

    #[test]
    fn addresses_are_told_apart() {
        for (host, reach) in [
            ("127.9.9.9", Reach::Loopback),
            ("0.0.0.0", Reach::Loopback),
            ("[::1]", Reach::Loopback),
            ("LOCALHOST.", Reach::Loopback),
            ("a.localhost", Reach::Loopback),
            ("169.254.169.254", Reach::Link),
            ("[::ffff:169.254.169.254]", Reach::Link),
            ("[64:ff9b::a9fe:a9fe]", Reach::Link),
            ("[fe80::1]", Reach::Link),
            ("255.255.255.255", Reach::Link),
            ("10.1.2.3", Reach::Private),
            ("172.31.0.1", Reach::Private),
            ("100.100.0.1", Reach::Private),
            ("[fd00::1]", Reach::Private),
            ("172.32.0.1", Reach::Public),
            ("[2001:db8::1]", Reach::Public),
        ] {
            assert_eq!(literal_reach(host), Some(reach), "{host}");
        }
        assert_eq!(literal_reach("example.org"), None);
    }

    #[test]
    fn urls_cannot_hide_an_address() {
        for text in ["http://0x7f.1/", "http://2130706433/", "http://127.1/", "http://0177.0.0.1/"] {
            assert_eq!(
                literal_reach(url(text).host_str().unwrap_or_default()),
                Some(Reach::Loopback),
                "{text}"
            );
        }
    }

    #[test]
    fn nobody_is_led_nearer_than_the_registry_is() {
        use Reach::{Link, Loopback, Private, Public};
        for (from, to, allowed) in [
            (Public, Public, true),
            (Public, Private, false),
            (Public, Loopback, false),
            (Private, Private, true),
            (Private, Loopback, false),
            (Loopback, Loopback, true),
            (Loopback, Private, true),
            (Loopback, Link, false),
            (Private, Link, false),
            (Link, Link, true),
        ] {
            assert_eq!(from.may_lead_to(to), allowed, "{from:?} -> {to:?}");
        }
    }

    #[test]
    fn loopback_is_recognised_with_and_without_port() {
        for host in ["127.0.0.1:5000", "localhost", "localhost:1", "[::1]:5000", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example:1", "a.localhost:1", "128.0.0.1", "example.org:443"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn credentials_stay_with_their_owner() {
        for (registry, realm, allowed) in [
            ("https://registry-1.docker.io/", "https://auth.docker.io/token", true),
            ("https://registry.gitlab.com/", "https://gitlab.com/jwt/auth", true),
            ("https://r.example/", "https://r.example/token", true),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5000/token", true),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:6000/token", false),
            ("http://r.corp.example/", "http://auth.corp.example/token", false),
            ("https://r.corp.example/", "https://auth.corp.example:8443/token", false),
            ("https://registry-1.docker.io/", "https://auth.docker.io.evil.example/token", false),
            ("https://a.azurecr.io/", "https://b.azurecr.io/token", false),
            ("https://a.co.uk/", "https://b.co.uk/token", false),
            ("https://r.a.co.uk/", "https://auth.a.co.uk/token", true),
            ("https://10.0.0.1/", "https://10.0.0.2/", false),
        ] {
            assert_eq!(
                realm_may_see_credentials(&url(registry), &url(realm)),
                allowed,
                "{registry} -> {realm}"
            );
        }
    }

    #[test]
    fn schemes_only_get_better() {
        assert!(check_scheme(&url("http://a/"), &url("https://b/")).is_ok());
        assert!(check_scheme(&url("https://a/"), &url("http://b/")).is_err());
        assert!(check_scheme(&url("http://a/"), &url("file:///etc/passwd")).is_err());
        assert!(check_scheme(&url("http://a/"), &url("ftp://b/")).is_err());
    }
}
