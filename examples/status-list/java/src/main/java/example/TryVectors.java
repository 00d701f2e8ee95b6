package example;

import com.nimbusds.jose.util.JSONObjectUtils;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Map;

/** Tries the published vectors: mvn -q compile exec:java -Dexec.args=../../../docs/status-list-vectors.json */
public final class TryVectors {
  public static void main(String[] args) throws Exception {
    Map<String, Object> vectors = JSONObjectUtils.parse(Files.readString(Path.of(args[0])));
    Clock clock = Clock.fixed(Instant.ofEpochSecond(((Number) vectors.get("now")).longValue()), ZoneOffset.UTC);
    String jwks = JSONObjectUtils.toJSONString(JSONObjectUtils.getJSONObject(vectors, "jwks"));
    for (Object each : (List<?>) vectors.get("tokens")) {
      Map<?, ?> vector = (Map<?, ?>) each;
      String jwt = (String) vector.get("jwt");
      var lists = new StatusLists((String) vectors.get("issuer"), url -> url.endsWith("/certs") ? jwks : jwt, clock);
      String outcome = "valid";
      try {
        lists.check((String) vectors.get("uri"), ((Number) vector.get("index")).intValue());
      } catch (StatusLists.Refused refused) {
        outcome = refused.getMessage().equals("revoked") ? "revoked" : "refused";
      }
      System.out.println(vector.get("name") + ": " + outcome);
    }
  }
}
