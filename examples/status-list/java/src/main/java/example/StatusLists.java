package example;

import com.nimbusds.jose.JOSEException;
import com.nimbusds.jose.JWSAlgorithm;
import com.nimbusds.jose.crypto.ECDSAVerifier;
import com.nimbusds.jose.jwk.ECKey;
import com.nimbusds.jose.jwk.JWK;
import com.nimbusds.jose.jwk.JWKSet;
import com.nimbusds.jose.util.Base64URL;
import com.nimbusds.jwt.JWTClaimsSet;
import com.nimbusds.jwt.SignedJWT;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.text.ParseException;
import java.time.Clock;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.InflaterInputStream;

/** The status lists of one issuer, each fetched once per ttl. Make one and keep it. ES256 alone. */
public final class StatusLists {
  /** The token is not to be accepted: it was revoked, or its status cannot be known. */
  public static final class Refused extends Exception {
    Refused(String reason) {
      super(reason);
    }
  }

  /** Fetches a text by HTTP GET; anything but 200 is an IOException. */
  public interface Fetch {
    String get(String url) throws IOException;
  }

  private record StatusList(double until, int bits, byte[] data) {}

  private static final int MAX_BYTES = 16 << 20;

  private final String issuer;
  private final Fetch fetch;
  private final Clock clock;
  private final Map<String, StatusList> kept = new ConcurrentHashMap<>();

  public StatusLists(String issuer, Fetch fetch, Clock clock) {
    this.issuer = issuer;
    this.fetch = fetch;
    this.clock = clock;
  }

  /** Returns when the verified token that names this entry is not revoked. */
  public void check(String uri, int index) throws Refused, IOException {
    // The signer may not send us elsewhere.
    if (!uri.startsWith(issuer + "/")) throw new Refused("the status list is not the issuer's");
    StatusList list = current(uri);
    long at = (long) index * list.bits;
    if (index < 0 || at / 8 >= list.data.length) throw new Refused("the index is beyond the list");
    int status = (list.data[(int) (at / 8)] & 0xff) >> (at % 8) & ((1 << list.bits) - 1);
    if (status != 0) throw new Refused("revoked");
  }

  private StatusList current(String uri) throws Refused, IOException {
    double now = clock.millis() / 1000.0;
    StatusList list = kept.get(uri);
    if (list != null && now < list.until) return list;
    list = read(uri, fetch.get(uri), now);
    kept.put(uri, list);
    return list;
  }

  private StatusList read(String uri, String text, double now) throws Refused, IOException {
    try {
      SignedJWT jwt = SignedJWT.parse(text);
      var type = jwt.getHeader().getType();
      if (!JWSAlgorithm.ES256.equals(jwt.getHeader().getAlgorithm()) || type == null || !type.getType().equals("statuslist+jwt"))
        throw new Refused("the list is not a signed status list");
      JWK key = JWKSet.parse(fetch.get(issuer + "/protocol/openid-connect/certs")).getKeyByKeyId(jwt.getHeader().getKeyID());
      if (!(key instanceof ECKey) || !jwt.verify(new ECDSAVerifier((ECKey) key)))
        throw new Refused("the list is not signed by the issuer");
      JWTClaimsSet claims = jwt.getJWTClaimsSet();
      if (!uri.equals(claims.getSubject()) || (claims.getIssuer() != null && !issuer.equals(claims.getIssuer())))
        throw new Refused("the list is another one");
      if (claims.getIssueTime() == null || claims.getIssueTime().getTime() / 1000.0 > now + 5
          || claims.getExpirationTime() == null || claims.getExpirationTime().getTime() / 1000.0 <= now)
        throw new Refused("the list is not of now");
      return decode(claims, now);
    } catch (ParseException | JOSEException | RuntimeException unreadable) {
      throw new Refused("the list is unreadable");
    }
  }

  private static StatusList decode(JWTClaimsSet claims, double now) throws Refused, ParseException {
    Map<String, Object> list = claims.getJSONObjectClaim("status_list");
    if (list == null || !(list.get("bits") instanceof Number)) throw new Refused("the list is unreadable");
    int bits = ((Number) list.get("bits")).intValue();
    if (bits != 1 && bits != 2 && bits != 4 && bits != 8) throw new Refused("the list is unreadable");
    byte[] packed = Base64URL.from((String) list.get("lst")).decode();
    Object ttl = claims.getClaim("ttl");
    double until = Math.min(now + (ttl instanceof Number ? ((Number) ttl).doubleValue() : 10), claims.getExpirationTime().getTime() / 1000.0);
    try (var inflated = new InflaterInputStream(new ByteArrayInputStream(packed))) {
      return new StatusList(until, bits, inflated.readNBytes(MAX_BYTES));
    } catch (IOException unreadable) {
      throw new Refused("the list is unreadable");
    }
  }
}
