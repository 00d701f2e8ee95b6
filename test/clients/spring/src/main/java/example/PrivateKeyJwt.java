package example;

import com.nimbusds.jose.jwk.JWK;
import java.nio.file.Files;
import java.nio.file.Path;
import org.springframework.security.oauth2.client.endpoint.NimbusJwtClientAuthenticationParametersConverter;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.ClientAuthenticationMethod;

/** Spring Security: a token by private_key_jwt. Arguments: issuer, client_id, file of a JWK with its kid. */
public class PrivateKeyJwt {
  public static void main(String[] args) throws Exception {
    var registration = ClientRegistration.withRegistrationId("mintmark")
        .clientId(args[1])
        .clientAuthenticationMethod(ClientAuthenticationMethod.PRIVATE_KEY_JWT)
        .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
        .tokenUri(args[0] + "/protocol/openid-connect/token")
        .build();
    var key = JWK.parse(Files.readString(Path.of(args[2])));
    var client = new RestClientClientCredentialsTokenResponseClient();
    client.addParametersConverter(new NimbusJwtClientAuthenticationParametersConverter<>(one -> key));
    var request = new OAuth2ClientCredentialsGrantRequest(registration);
    client.getTokenResponse(request);
    System.out.println(client.getTokenResponse(request).getAccessToken().getTokenValue());
  }
}
