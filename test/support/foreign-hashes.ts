/** A secret, and its hash as another program made it. */
export interface ForeignVector {
  readonly by: string
  readonly secret: string
  readonly hash: string
}

const PLAIN = 'kX8-vq2W_tR7nPz4mB'
const UNICODE = 'größe-Ω-kX8vq2WtR7'

/** Made by the programs that they name. */
export const FOREIGN_VECTORS: readonly ForeignVector[] = [
  {
    by: 'PHP password_hash, $2y$',
    secret: PLAIN,
    hash: '$2y$06$YJNcjWvSkquUJifG6wIIUenawvSG6dzqwvq4twZ2OixMRYnWQ7r1G',
  },
  {
    by: 'PHP password_hash, $2y$',
    secret: UNICODE,
    hash: '$2y$06$j3Km6LfKbgHCZ2Pv5lxFTOetylALL8y/N6hKi0f8DFRjD6O2kHN6.',
  },
  {
    by: 'PHP password_hash, argon2id',
    secret: PLAIN,
    hash: '$argon2id$v=19$m=1024,t=3,p=1$VW56ZzQ4UjdQRThoZkNJRw$Zn0+9BBHJzqA7Zdb7HcrtgM/ZKj4ZPa75e2T9ayQQB8',
  },
  {
    by: 'argon2-cffi',
    secret: UNICODE,
    hash: '$argon2id$v=19$m=8192,t=2,p=4$dszODcRvTfbadjfmW/k74A$Ak9Ci65tc/zCcqTzBnzdhT+H/giWL02QY41tsHzw39E',
  },
  {
    by: 'bcrypt of Python, $2b$',
    secret: UNICODE,
    hash: '$2b$06$3ccK9/n9kXVre/x27iwIBeRxounMinQGaiiocxbtY5vMwmEnDX./e',
  },
  {
    by: 'Hydra, $2a$',
    secret: PLAIN,
    hash: '$2a$10$kjDEaZxEubzWVsjPH52RXu.uVO.tIhTdgA4j/SEyRstx69cxkdkGa',
  },
  {
    by: 'Hydra, PBKDF2',
    secret: UNICODE,
    hash: '$pbkdf2-sha256$i=25000,l=32$O7LjENpMqfB0R6uxB6sEGg$Ja4UrmQ3bvKyJC7OeTpFGqQhRwZ8gofPdmwCGIydhWA',
  },
  {
    by: 'passlib, PBKDF2 with SHA-256',
    secret: PLAIN,
    hash: '$pbkdf2-sha256$29000$GcN4by3lPEeIcQ5hbA1hTA$6RNG2HaMbN17LI6vqhLOhvic972LSx/7giVrrVRcUs4',
  },
  {
    by: 'passlib, PBKDF2 with SHA-512, whose base64 has dots',
    secret: PLAIN,
    hash: '$pbkdf2-sha512$1000$uNe6935PqRWC0LrXei.FkA$/V0IfhYVM/F0GI2KL2rDfdaeVPEDjFg8L/Y.eWVvNXOPPgf3a944C1xEnZ4jD2ClFEOQCtoSLp0tOhjG5Q819w',
  },
  {
    by: 'IdentityServer: base64 of SHA-256',
    secret: PLAIN,
    hash: 'sha256:TkS5OKFzYaFCPEMPoXuIySZ6VwiBST9RmLehJZLt1rA=',
  },
  {
    by: 'IdentityServer: base64 of SHA-512',
    secret: UNICODE,
    hash: 'sha512:Kl9FDW33fA7gcg6GL1H27J96gtOgZWXvCrSYqH7C1TRPm8ihMhEJ1r59+HrpWH8YCKiCUqh17M9LKiWntFx/qQ==',
  },
  {
    by: 'better-auth: base64url of SHA-256',
    secret: UNICODE,
    hash: 'sha256:DoH6Qd1eBy9BUm5ETXk6YpInpb6tfGI3lx6uaJy2JsA',
  },
  {
    by: 'sha512sum: hex',
    secret: PLAIN,
    hash: 'sha512:EF4E1CCCF79BD960B4E0DC610B566E57296CE4CF0A5BFCCA95AAE17DCF58F07308055920E60779CA4A4DE717E2A35119606FF4E353BF69EF850D429B75648A1F',
  },
]
