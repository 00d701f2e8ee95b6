// For one version beside `@mintmark/verifier`, which is what resource servers install.
export * from '@mintmark/verifier'
