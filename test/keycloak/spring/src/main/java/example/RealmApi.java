package example;

import java.util.List;
import java.util.Map;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.security.config.annotation.web.builders.HttpSecurity;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.authority.SimpleGrantedAuthority;
import org.springframework.security.oauth2.jwt.Jwt;
import org.springframework.security.oauth2.server.resource.authentication.JwtAuthenticationConverter;
import org.springframework.security.web.SecurityFilterChain;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** An API as people write them for Keycloak: who may call it is in realm_access.roles. */
@SpringBootApplication
@RestController
public class RealmApi {
  public static void main(String[] args) {
    SpringApplication.run(RealmApi.class, args);
  }

  @Bean
  SecurityFilterChain security(HttpSecurity http) throws Exception {
    var converter = new JwtAuthenticationConverter();
    converter.setJwtGrantedAuthoritiesConverter(
        jwt -> rolesOf(jwt).stream().map(SimpleGrantedAuthority::new).map(one -> (org.springframework.security.core.GrantedAuthority) one).toList());
    return http.authorizeHttpRequests(all -> all.anyRequest().hasAuthority("operator"))
        .oauth2ResourceServer(server -> server.jwt(jwt -> jwt.jwtAuthenticationConverter(converter)))
        .build();
  }

  @SuppressWarnings("unchecked")
  private static List<String> rolesOf(Jwt jwt) {
    Map<String, Object> access = jwt.getClaimAsMap("realm_access");
    return access == null ? List.of() : (List<String>) access.getOrDefault("roles", List.of());
  }

  @GetMapping("/")
  String hello(Authentication caller) {
    return "hello " + caller.getName() + " " + caller.getAuthorities();
  }
}
